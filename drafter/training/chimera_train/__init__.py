"""Trains the drafter of Chimera (arXiv 2402.15758) for a LLaMA-family target model."""
