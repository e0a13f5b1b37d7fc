"""From results to what is logged: a list of typed items, made without any server.

Each function `of_...` takes the results of a stage and gives Params, Metrics, Tags, Tables, Figures,
Texts and Inputs; `tracking` sends them off.

items.py         those types
stages.py        what each stage of a run logs
audit.py         what the audit logs
tables.py        its tables
figures.py       its figures
semantics.py     what the embedding knows: tables and figures, of one run or of several
attribution.py   which words made the labels
cases.py         the picture of the cases
transfer.py      what `compare` found
"""

from __future__ import annotations

from pipeline.report.attribution import attribution_items as attribution_items
from pipeline.report.attribution import why_misclassified as why_misclassified
from pipeline.report.attribution import words_by_label as words_by_label
from pipeline.report.audit import audit_items as audit_items
from pipeline.report.audit import signals_items as signals_items
from pipeline.report.cases import cases_items as cases_items
from pipeline.report.cases import map_of_cases as map_of_cases
from pipeline.report.compare import PREDICTIONS as PREDICTIONS
from pipeline.report.compare import comparison_items as comparison_items
from pipeline.report.compare import comparison_sentence as comparison_sentence
from pipeline.report.compare import comparison_values as comparison_values
from pipeline.report.compare import means_by_size as means_by_size
from pipeline.report.compare import outcome_items as outcome_items
from pipeline.report.compare import outcomes_sentence as outcomes_sentence
from pipeline.report.compare import read_outcome as read_outcome
from pipeline.report.compare import significance_by_size as significance_by_size
from pipeline.report.embedding import KNOWLEDGE as KNOWLEDGE
from pipeline.report.embedding import drift_figure as drift_figure
from pipeline.report.embedding import drift_table as drift_table
from pipeline.report.embedding import explanation_items as explanation_items
from pipeline.report.embedding import headline_map as headline_map
from pipeline.report.embedding import in_a_sentence as in_a_sentence
from pipeline.report.embedding import in_short as in_short
from pipeline.report.embedding import knowledge_in_words as knowledge_in_words
from pipeline.report.embedding import knowledge_items as knowledge_items
from pipeline.report.embedding import knowledge_of as knowledge_of
from pipeline.report.embedding import neighbours_table as neighbours_table
from pipeline.report.embedding import one_knowledge_items as one_knowledge_items
from pipeline.report.embedding import over_seeds as over_seeds
from pipeline.report.embedding import pairs_by_label as pairs_by_label
from pipeline.report.embedding import pairs_table as pairs_table
from pipeline.report.embedding import probes_figure as probes_figure
from pipeline.report.embedding import probes_table as probes_table
from pipeline.report.figures import confusion_matrix as confusion_matrix
from pipeline.report.figures import coverage_figure as coverage_figure
from pipeline.report.figures import learning_curves as learning_curves
from pipeline.report.figures import reliability_diagram as reliability_diagram
from pipeline.report.items import File as File
from pipeline.report.items import Input as Input
from pipeline.report.items import Item as Item
from pipeline.report.items import Metric as Metric
from pipeline.report.items import Param as Param
from pipeline.report.items import Picture as Picture
from pipeline.report.items import Table as Table
from pipeline.report.items import Tag as Tag
from pipeline.report.items import Text as Text
from pipeline.report.sets import SET_OUTCOME as SET_OUTCOME
from pipeline.report.sets import read_set_outcome as read_set_outcome
from pipeline.report.sets import set_neighbours_table as set_neighbours_table
from pipeline.report.sets import set_outcome_items as set_outcome_items
from pipeline.report.sets import set_outcomes_sentence as set_outcomes_sentence
from pipeline.report.sets import set_values as set_values
from pipeline.report.sets import sets_items as sets_items
from pipeline.report.sets import sets_table as sets_table
from pipeline.report.stages import config_items as config_items
from pipeline.report.stages import ensemble_items as ensemble_items
from pipeline.report.stages import epoch_items as epoch_items
from pipeline.report.stages import evaluations_items as evaluations_items
from pipeline.report.stages import headlines_items as headlines_items
from pipeline.report.stages import history_items as history_items
from pipeline.report.stages import matrix_items as matrix_items
from pipeline.report.stages import seconds_items as seconds_items
from pipeline.report.tables import coverage_by_fallback as coverage_by_fallback
from pipeline.report.tables import missing_words as missing_words
from pipeline.report.tables import per_class as per_class
from pipeline.report.tables import predictions_table as predictions_table
from pipeline.report.tables import summary as summary
