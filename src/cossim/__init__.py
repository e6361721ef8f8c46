"""The helper behind the notebooks that reproduce Steck, Ekanadham and Kallus (2024).

Each module is one room: ``simulation`` makes the data, ``factorization`` fits the two models,
``similarity`` measures cosines, ``recovery`` scores them, ``publication`` carries figures,
numbers and checks into the paper.
"""

__version__ = "1.0.0"
