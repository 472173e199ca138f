"""Check a contender against float64 torch.nn, then time it round by round."""
