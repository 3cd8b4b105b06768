"""From a corpus file to the embedded pair: tokenizer, target, deeper target, distilled draft."""
