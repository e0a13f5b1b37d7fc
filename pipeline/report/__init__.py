"""From results to what is logged: a list of typed items, made without any server.

Each function `of_...` takes the results of a stage and gives Params, Metrics, Tags, Tables, Figures,
Texts and Inputs; `tracking` sends them off.

items.py         those types
stages.py        what each stage of a run logs
attribution.py   which words made the labels
tables.py        its tables
figures.py       its figures
"""

from __future__ import annotations

from pipeline.report.attribution import of_attribution as of_attribution
from pipeline.report.attribution import why_misclassified as why_misclassified
from pipeline.report.attribution import words_by_label as words_by_label
from pipeline.report.figures import confusion_matrix as confusion_matrix
from pipeline.report.figures import coverage_by_rung_figure as coverage_by_rung_figure
from pipeline.report.figures import learning_curves as learning_curves
from pipeline.report.figures import reliability_diagram as reliability_diagram
from pipeline.report.items import Input as Input
from pipeline.report.items import Item as Item
from pipeline.report.items import Metric as Metric
from pipeline.report.items import Param as Param
from pipeline.report.items import Picture as Picture
from pipeline.report.items import Table as Table
from pipeline.report.items import Tag as Tag
from pipeline.report.items import Text as Text
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
