"""The case base: labelled texts that decide on new ones without training.

casebase.py    add, remove, answer, adapt, save, load
case.py        a case, its neighbours, and their vote
index.py       the nearest of many vectors
adaptation.py  training a network further on its cases
evaluation.py  how good the training texts are as cases
storage.py     the folder of a saved case base
"""
