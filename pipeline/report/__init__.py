"""From results to what is logged: a list of typed items, made without a server.

Each function `x_items` takes the results of a stage and gives Params, Metrics, Tags, Tables,
Pictures, Texts, Files and Inputs. `pipeline.tracking` sends them to MLflow. With `figures=False` a
function draws no pictures.

items.py              the types of items
style.py              how all figures look
stages.py             data, matrix, training, ensemble, evaluation
tables.py             their tables
results.py            the result as a table and a sentence
summary.py            the summary that ends a run on the terminal
figures.py            their figures
audit.py              the audit of the data
embedding.py          what the embedding knows
embedding_tables.py   its tables
embedding_figures.py  its figures
projector.py          its files for TensorBoard
attribution.py        which words made the labels
cases.py              the map of the cases
compare.py            what `compare` logs and prints
sets.py               sets of vectors side by side
search.py             what `sweep` logs and prints
search_figures.py     its figures
description.py        descriptions in Markdown, as MLflow shows them
page.py               the page report.html, made from the items of a run
page_sections.py      what stands on it
page_words.py         what it says in words
page_pictures.py      its figures
"""

from __future__ import annotations

from pipeline.report.attribution import attribution_items as attribution_items
from pipeline.report.audit import audit_items as audit_items
from pipeline.report.audit import signals_items as signals_items
from pipeline.report.cases import cases_items as cases_items
from pipeline.report.compare import PREDICTIONS as PREDICTIONS
from pipeline.report.compare import comparison_items as comparison_items
from pipeline.report.compare import comparison_lines as comparison_lines
from pipeline.report.compare import comparison_sentence as comparison_sentence
from pipeline.report.compare import comparison_values as comparison_values
from pipeline.report.compare import means_by_size as means_by_size
from pipeline.report.compare import outcome_items as outcome_items
from pipeline.report.compare import outcomes_sentence as outcomes_sentence
from pipeline.report.compare import read_outcome as read_outcome
from pipeline.report.compare import seconds_by_size as seconds_by_size
from pipeline.report.compare import significance_by_size as significance_by_size
from pipeline.report.description import MODEL_ADDRESS as MODEL_ADDRESS
from pipeline.report.description import RunAddress as RunAddress
from pipeline.report.description import experiment_description as experiment_description
from pipeline.report.description import loading_markdown as loading_markdown
from pipeline.report.description import model_description as model_description
from pipeline.report.description import run_items as run_items
from pipeline.report.description import shown_picture as shown_picture
from pipeline.report.description import started_items as started_items
from pipeline.report.description import study_items as study_items
from pipeline.report.embedding import EMBEDDING_REPORT as EMBEDDING_REPORT
from pipeline.report.embedding import embedding_items as embedding_items
from pipeline.report.embedding import embedding_report_items as embedding_report_items
from pipeline.report.embedding import embedding_reports_sentence as embedding_reports_sentence
from pipeline.report.embedding import explained_headlines as explained_headlines
from pipeline.report.embedding import explanation_items as explanation_items
from pipeline.report.embedding import explanation_lines as explanation_lines
from pipeline.report.embedding import explanation_rows as explanation_rows
from pipeline.report.embedding import explanation_sentence as explanation_sentence
from pipeline.report.embedding import neighbours_rows as neighbours_rows
from pipeline.report.embedding import read_embedding_report as read_embedding_report
from pipeline.report.embedding_tables import metrics_over_seeds as metrics_over_seeds
from pipeline.report.items import LINE as LINE
from pipeline.report.items import TRIAL as TRIAL
from pipeline.report.items import ComparedTable as ComparedTable
from pipeline.report.items import File as File
from pipeline.report.items import Input as Input
from pipeline.report.items import Item as Item
from pipeline.report.items import Metric as Metric
from pipeline.report.items import Note as Note
from pipeline.report.items import Param as Param
from pipeline.report.items import Picture as Picture
from pipeline.report.items import Table as Table
from pipeline.report.items import Tag as Tag
from pipeline.report.items import Text as Text
from pipeline.report.page import audit_page as audit_page
from pipeline.report.page import compare_page_items as compare_page_items
from pipeline.report.page import evaluation_page as evaluation_page
from pipeline.report.page import explain_page_items as explain_page_items
from pipeline.report.page import run_page_items as run_page_items
from pipeline.report.page import search_page_items as search_page_items
from pipeline.report.results import majority_share as majority_share
from pipeline.report.results import result_sentence as result_sentence
from pipeline.report.results import results_table as results_table
from pipeline.report.search import SEARCH as SEARCH
from pipeline.report.search import START as START
from pipeline.report.search import SearchReport as SearchReport
from pipeline.report.search import search_items as search_items
from pipeline.report.search import search_rows as search_rows
from pipeline.report.search import search_sentence as search_sentence
from pipeline.report.search import searched_trial_sentence as searched_trial_sentence
from pipeline.report.search import trial_options_items as trial_options_items
from pipeline.report.search import trial_result_items as trial_result_items
from pipeline.report.sets import SET_OUTCOME as SET_OUTCOME
from pipeline.report.sets import read_set_outcome as read_set_outcome
from pipeline.report.sets import set_neighbours_table as set_neighbours_table
from pipeline.report.sets import set_outcome_items as set_outcome_items
from pipeline.report.sets import set_outcomes_sentence as set_outcomes_sentence
from pipeline.report.sets import set_values as set_values
from pipeline.report.sets import sets_items as sets_items
from pipeline.report.sets import sets_means as sets_means
from pipeline.report.sets import sets_table as sets_table
from pipeline.report.stages import config_items as config_items
from pipeline.report.stages import ensemble_items as ensemble_items
from pipeline.report.stages import epoch_items as epoch_items
from pipeline.report.stages import evaluations_items as evaluations_items
from pipeline.report.stages import headlines_items as headlines_items
from pipeline.report.stages import history_items as history_items
from pipeline.report.stages import label_weights_items as label_weights_items
from pipeline.report.stages import length_items as length_items
from pipeline.report.stages import matrix_items as matrix_items
from pipeline.report.stages import phases_items as phases_items
from pipeline.report.stages import seconds_items as seconds_items
from pipeline.report.stages import unlabelled_items as unlabelled_items
from pipeline.report.summary import model_facts as model_facts
from pipeline.report.summary import summary as summary
from pipeline.report.summary import tested_facts as tested_facts
from pipeline.report.tables import per_class as per_class
