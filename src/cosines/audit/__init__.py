"""The notebooks' questions, asked of embeddings that somebody else trained.

``files`` reads factors, ``blocks`` walks through what is as long as the catalogue, ``findings`` holds
all that is found, ``report`` says it as text, JSON and HTML, and ``__main__`` is the command.
"""
