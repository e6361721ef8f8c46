"""The helper behind the notebooks that reproduce Steck, Ekanadham and Kallus (2024).

Each module imports only those above it:

==================  ================================================================================
``simulation``      the data of Section 4; every choice that the original leaves open is a parameter
``movielens``       real ratings, and genres of films
``words``           which words stand near each other, and how alike people find them
``factorization``   Gram matrix, spectrum, and the two models in closed form
``experiment``      ``PAPER``: the original experiment under one name, run by one call
``scalings``        what else predicts the same: named scalings, weights, attainable cosines
``similarity``      cosine of rows, and of predictions
``symmetries``      what a loss cannot see, and the items that may be compared under it
``remedies``        normalise the data first
``readings``        data x model x view: every similarity that is compared, one row each
``evaluation``      clusters found, neighbours shared, held-out accuracy, intervals
``publishing``      figures, records and claims on their way into the write-up
``audit``           the same questions, asked of embeddings that somebody else trained
==================  ================================================================================
"""

__version__ = "1.0.0"
