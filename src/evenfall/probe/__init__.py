"""What a person runs: consent, target list, byte budget, and the order of the measurements."""
