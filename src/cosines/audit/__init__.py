"""The notebooks' questions, asked of embeddings that somebody else trained.

``files`` reads factors, ``findings`` compares equally optimal scalings of them.
"""
