"""The modes of Transformers' ``generate``, on small models whose laws are known or on a pair of one's own."""
