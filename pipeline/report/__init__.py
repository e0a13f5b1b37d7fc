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

from pipeline.report.attribution import of_attribution as of_attribution
from pipeline.report.attribution import why_misclassified as why_misclassified
from pipeline.report.attribution import words_by_label as words_by_label
from pipeline.report.audit import of_audit as of_audit
from pipeline.report.audit import of_signals as of_signals
from pipeline.report.cases import map_of_cases as map_of_cases
from pipeline.report.cases import of_cases as of_cases
from pipeline.report.figures import confusion_matrix as confusion_matrix
from pipeline.report.figures import coverage_by_rung_figure as coverage_by_rung_figure
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
from pipeline.report.semantics import KNOWLEDGE as KNOWLEDGE
from pipeline.report.semantics import drift_figure as drift_figure
from pipeline.report.semantics import drift_table as drift_table
from pipeline.report.semantics import headline_map as headline_map
from pipeline.report.semantics import in_a_sentence as in_a_sentence
from pipeline.report.semantics import in_short as in_short
from pipeline.report.semantics import knowledge_in_words as knowledge_in_words
from pipeline.report.semantics import knowledge_of as knowledge_of
from pipeline.report.semantics import neighbours_table as neighbours_table
from pipeline.report.semantics import of_explanation as of_explanation
from pipeline.report.semantics import of_knowledge as of_knowledge
from pipeline.report.semantics import of_one_knowledge as of_one_knowledge
from pipeline.report.semantics import over_seeds as over_seeds
from pipeline.report.semantics import pairs_by_label as pairs_by_label
from pipeline.report.semantics import pairs_table as pairs_table
from pipeline.report.semantics import probes_figure as probes_figure
from pipeline.report.semantics import probes_table as probes_table
from pipeline.report.stages import of_blend as of_blend
from pipeline.report.stages import of_config as of_config
from pipeline.report.stages import of_epoch as of_epoch
from pipeline.report.stages import of_evaluations as of_evaluations
from pipeline.report.stages import of_headlines as of_headlines
from pipeline.report.stages import of_history as of_history
from pipeline.report.stages import of_matrix as of_matrix
from pipeline.report.stages import of_seconds as of_seconds
from pipeline.report.tables import coverage_by_rung as coverage_by_rung
from pipeline.report.tables import missing_words as missing_words
from pipeline.report.tables import per_class as per_class
from pipeline.report.tables import predictions_table as predictions_table
from pipeline.report.tables import summary as summary
from pipeline.report.transfer import PREDICTIONS as PREDICTIONS
from pipeline.report.transfer import comparison_values as comparison_values
from pipeline.report.transfer import in_words as in_words
from pipeline.report.transfer import means_by_size as means_by_size
from pipeline.report.transfer import of_comparison as of_comparison
from pipeline.report.transfer import of_score as of_score
from pipeline.report.transfer import score_in_words as score_in_words
from pipeline.report.transfer import score_of as score_of
from pipeline.report.transfer import significance_by_size as significance_by_size
