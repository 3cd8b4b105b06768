"""Rules that judge a draft, each as exact probabilities, to be laid side by side on the same tables."""
