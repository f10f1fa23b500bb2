"""The topics' tab: document rows settle in E, topic rows morph in M."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from em_explorer.em.anatomy import Lock
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.steps import Phase
from em_explorer.models import dirichlet
from em_explorer.models.latent_dirichlet_params import LatentDirichletParams
from em_explorer.models.topic_reading import (
    RECOVERED,
    chained_words,
    cosines,
    distinctive_words,
    document_word_topics,
    relevance,
    word_shares_of,
)
from em_explorer.ui import topic_numbers as numbers
from em_explorer.ui import topic_wording as words
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup
from em_explorer.ui.tabs.topic_fit import TopicFit
from em_explorer.ui.views.topic_area import TopicArea, TopicsPicture
from em_explorer.ui.views.topic_words import topic_name
from em_explorer.ui.wording import count, plain

TOP_WORDS = 12
TOP_DOCUMENTS = 10

HEAVY_FROM = 50_000
"""Proportions and probabilities of which a picture is made: from here on the words wait for it."""

COUNTED_UP_TO = 1000
"""Documents among which those that have not settled are counted."""


class LatentDirichletTab(TopicFit):
    """Maps of documents and topics, top words or pictures, one document in its topics' colors."""

    key: ClassVar[str] = "latent_dirichlet"
    e_label: ClassVar[str] = "E-step: read the documents"
    m_label: ClassVar[str] = "M-step: rewrite the topics"
    curve_name: ClassVar[str] = "bound (ELBO)"
    observation_name: ClassVar[str] = "word"

    def __init__(self, parent: QWidget | None = None) -> None:
        self.document = 0
        self.topic: int | None = None
        self._word_shares: tuple[Any, Floats] | None = None
        super().__init__(parent)

    def build_play_area(self) -> QWidget:
        """Make the maps and the document's view."""
        area = TopicArea()
        area.document_picked.connect(self.choose_document)
        area.topic_picked.connect(self.choose_topic)
        area.topic_renamed.connect(self.rename_topic)
        area.topic_asked.connect(self._on_topic_asked)
        area.group_box.toggled.connect(self._on_grouped)
        area.hold_out_box.toggled.connect(self._on_hold_out)
        area.relevance.valueChanged.connect(self._on_grouped)
        area.hold_out_box.setToolTip(
            "Fit the topics to nine documents in ten and judge them by every tenth. Numbers then "
            f"shows the held-out perplexity while paused: {numbers.PERPLEXITY_TIP}"
        )
        self.area = area
        return area

    # -- data --------------------------------------------------------------------------------

    @property
    def nouns(self) -> words.Nouns:
        """What documents and words are called."""
        images = self.dataset is not None and self.dataset.image_shape is not None
        return words.IMAGES if images else words.TEXT

    @property
    def noun(self) -> str:
        """What one observation is called: a word, or a dot of an image."""
        return self.nouns.token

    @property
    def documents(self) -> tuple[str, ...]:
        """Names of the documents."""
        assert self.dataset is not None
        n = self.data.n_documents
        return self.dataset.documents or tuple(f"document {d + 1}" for d in range(n))

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The words."""
        assert self.dataset is not None
        n = self.data.n_words
        return self.dataset.vocabulary or tuple(f"word {v + 1}" for v in range(n))

    def dataset_changed(self) -> None:
        """Take other documents and words."""
        assert self.dataset is not None
        corpus = self.data

        def telling(n: int) -> Ints:
            if n >= corpus.n_words:
                return np.arange(corpus.n_words)
            return chained_words(corpus, distinctive_words(corpus, n))

        self.document, self.topic = 0, None
        self.area.show_data(
            self.documents, self.vocabulary, telling, self.dataset.image_shape, self.nouns
        )

    def run_loaded(self) -> None:
        """Forget what belonged to the run before."""
        self.forget_perplexities()
        if self.topic is not None and self.topic >= self.options.n_topics:
            self.topic = None

    def size_text(self) -> str:
        """Say how many documents and tokens."""
        data, nouns = self.data, self.nouns
        documents = count(data.n_documents, nouns.document)
        if self.held is not None:  # on one line: a second would have the panel scroll
            return f"{documents}, {self.held.n_documents} held out"
        return f"{documents}, {count(data.n_tokens, nouns.token)}"

    def apply_view(self, view: dict[str, Any]) -> None:
        """Take the document, the grouping and the topics' names of a story."""
        if "group" in view:
            self.area.group_box.setChecked(bool(view["group"]))
        if "document" in view:
            self.choose_document(int(view["document"]) - 1)
        for number, name in view.get("topic_names", {}).items():
            self.names.setdefault(int(number) - 1, str(name))  # a name of the user's own stays
        if "relevance" in view:
            self.area.relevance.setValue(round(100 * float(view["relevance"])))

    def show_compact(self, on: bool) -> None:
        """Leave out the hint and the list of a topic's strongest documents."""
        self.area.hint.setHidden(on)

    def choices(self) -> dict[str, Any]:
        """Return the chosen document and topic, and the topics' names."""
        names = dict(self.names) if self.whole is not None else {}
        return {"document": self.document, "topic": self.topic, "fit": self._fit, "names": names}

    def take_choices(self, choices: dict[str, Any]) -> None:
        """Show the document and the topic of the other half; names where topics are the same."""
        self.document, self.topic = choices["document"], choices["topic"]
        if choices["fit"] == self._fit:
            self._given_names[self._fit] = dict(choices["names"])
        self.show_choice()

    def retheme(self) -> None:
        """Take the theme's sizes."""
        self.area.retheme()

    # -- pictures ----------------------------------------------------------------------------

    def doc_topic(self, index: int) -> Floats | None:
        """Return the topic proportions in force at a snapshot, (D, K)."""
        expectation = self.snapshot(index).expectation
        return None if expectation is None else dirichlet.mean(expectation.carry)

    def topic_word(self, index: int) -> Floats:
        """Return a snapshot's topics, (K, V)."""
        return np.asarray(self.snapshot(index).params.topic_word)

    def _before(self, index: int) -> LatentDirichletParams | None:
        """Return the parameters before the M-step that made those of a snapshot."""
        phase = self.snapshot(index).phase
        back = index - 1 if phase is Phase.M else index - 2
        if phase is Phase.START or back < 1 or not self.controller.at_hand(back, 0):
            return None
        before: LatentDirichletParams = self.snapshot(back).params
        return before

    @property
    def heavy(self) -> bool:
        """Whether pictures cost so much that they come before the words."""
        if self.data is None:
            return False
        return (self.data.n_documents + self.data.n_words) * self.options.n_topics > HEAVY_FROM

    def picture(self, index: int) -> TopicsPicture:
        """Return a snapshot's documents and topics."""
        return self._picture_maker(index)()

    def plan(self, index: int, final: bool) -> Callable[[], TopicsPicture] | None:
        """Return what makes the picture of a large corpus behind the window's back."""
        return self._picture_maker(index) if self.heavy else None

    def _picture_maker(self, index: int) -> Callable[[], TopicsPicture]:
        """Look up all that a picture is made of; return what makes it, in any thread."""
        snapshot, before, read_before = self.snapshot(index), self._before(index), None
        e_index = index if snapshot.phase is Phase.E else index - 1
        if e_index >= 3:
            read_before = self.snapshot(e_index - 2).expectation
        data, document, rank = self.data, self.document, self._ranking()
        grouped = self.area.group_box.isChecked()

        def make() -> TopicsPicture:
            topic_word = np.asarray(snapshot.params.topic_word)
            doc_topic = shares = phi = order = moving = None
            if snapshot.expectation is not None:
                counts = snapshot.expectation.statistics.topic_word_counts.sum(1)
                shares = counts / counts.sum()
                gamma = snapshot.expectation.carry
                doc_topic = dirichlet.mean(gamma)
                phi = document_word_topics(snapshot.posterior_params, gamma, data, document)
                if grouped:
                    main = gamma.argmax(1)
                    order = np.lexsort((-gamma[np.arange(len(gamma)), main], main))
                if read_before is not None:
                    way = words.moved(dirichlet.mean(read_before.carry), doc_topic)
                    moving = int((way > words.MOVING).sum())
            trend = np.zeros(topic_word.shape, dtype=np.int64)
            if before is not None:
                trend = words.trends(before.topic_word, topic_word)
            top = words.likeliest(rank(topic_word), TOP_WORDS)
            return TopicsPicture(
                doc_topic,
                topic_word,
                shares,
                phi,
                top,
                trend,
                order,
                document,
                snapshot.phase,
                moving,
            )

        return make

    def _ranking(self) -> Callable[[Floats], Floats]:
        """Return what ranks topics' words: by their probability, or by their relevance."""
        weight = self.area.relevance_weight
        if weight >= 1.0:
            return lambda topic_word: topic_word
        if self._word_shares is None or self._word_shares[0] is not self.data:
            self._word_shares = self.data, word_shares_of(self.data)
        everywhere = self._word_shares[1]
        return lambda topic_word: relevance(topic_word, everywhere, weight)

    def paint(self, picture: TopicsPicture) -> None:
        """Draw maps, words or pictures, and the chosen document."""
        strongest: tuple[int, ...] = ()
        if self.topic is not None and picture.doc_topic is not None:
            share = picture.doc_topic[:, self.topic]
            strongest = tuple(int(d) for d in np.argsort(-share, kind="stable")[:TOP_DOCUMENTS])
        recovered = np.zeros(len(picture.topic_word), dtype=bool)
        truth = self._true_topics()
        if truth is not None and self.nouns is words.IMAGES:
            recovered = cosines(picture.topic_word, truth).max(1) >= RECOVERED
        found = self.data.document(picture.document)
        self.area.draw(picture, found, strongest, self.topic, self.names, recovered)
        self.area.counter.setText(self._counter(picture.moving))
        self.area.show_locks(frozenset(lock.index[0] for lock in self.locks))

    def _true_topics(self) -> Floats | None:
        truth = self.dataset.truth if self.dataset is not None else None
        return None if truth is None else truth.topic_word

    def parts_renumbered(self, order: Ints) -> None:
        """Let names follow their topics."""
        old = dict(self.names)
        self.names.clear()
        self.names.update({i: old[int(k)] for i, k in enumerate(order) if int(k) in old})
        if self.topic is not None:
            self.topic = int(np.flatnonzero(order == self.topic)[0])

    def anatomy_names(self) -> tuple[str, ...]:
        """Return the words; those of an image shortly: r2c1."""
        if self.nouns is not words.IMAGES:
            return self.vocabulary
        return tuple(w.replace("row ", "r").replace(", column ", "c") for w in self.vocabulary)

    def true_params(self) -> LatentDirichletParams | None:
        """Return the true topics, each as large as the others."""
        topics = self._true_topics()
        if topics is None or len(topics) != self.options.n_topics:
            return None
        share = self.data.n_tokens / len(topics)
        return LatentDirichletParams(np.maximum(share * topics, 1e-9))

    def _counter(self, moving: int | None) -> str:
        index, n = self.stage.shown_index or 0, self.data.n_documents
        expectation = self.snapshot(index).expectation
        if expectation is None:
            return f"{count(n, self.nouns.document)}, not read yet"
        settled: int | None = n
        if not expectation.settled:
            # Which of many documents have not settled is not worth another E-step.
            few = n <= COUNTED_UP_TO
            settled = int((~self.latent(index).paused).sum()) if few else None
        return words.settled_line(n, settled, moving, self.nouns)

    # -- words -------------------------------------------------------------------------------

    def caption(self, index: int) -> str:
        """Say how many documents changed their main topic, or which topic changed most."""
        now = self.doc_topic(index)
        if now is None:
            return ""
        if self.snapshot(index).phase is Phase.E:
            if index < 3:
                return words.first_caption(now, self.names, self.nouns)
            before = self.doc_topic(index - 2)
            assert before is not None
            return words.e_caption(before, now, self.documents, self.nouns)
        old, new = self.topic_word(index - 1), self.topic_word(index)
        return words.m_caption(old, new, self.vocabulary, self.names, self.nouns)

    def explain(self, index: int) -> Explanation:
        """Explain the half-step with the chosen document's commonest word."""
        snapshot = self.snapshot(index)
        lines: tuple[str, ...] = ()
        if snapshot.expectation is not None:
            lines = (self._today(index),)
        return words.explanation(snapshot.phase, self.nouns, lines)

    def _today(self, index: int) -> str:
        """Put the chosen document's commonest word into the half-step's formulas."""
        snapshot = self.snapshot(index)
        assert snapshot.expectation is not None
        found, counts = self.data.document(self.document)
        i = int(counts.argmax())
        word = self.vocabulary[int(found[i])]
        word = word if self.nouns is words.IMAGES else f"‘{word}’"
        if snapshot.phase is Phase.E:
            gamma = snapshot.expectation.carry
            found_phi = document_word_topics(
                snapshot.posterior_params, gamma, self.data, self.document
            )
            k = int(found_phi[i].argmax())
            return (
                f"{self.documents[self.document]}: {word} chooses {topic_name(self.names, k)} "
                f"with φ = {found_phi[i, k]:.2f}; γ there is {plain(gamma[self.document, k], 3)}."
            )
        column = snapshot.params.topic_word_posterior[:, found[i]]
        k, beta = int(column.argmax()), self.options.beta
        return (
            f"{word} in {topic_name(self.names, k)}: λ = {beta:g} + {plain(column[k] - beta)} = "
            f"{plain(column[k])}, probability {100 * self.topic_word(index)[k, found[i]]:.2g} %."
        )

    def numbers(self, index: int) -> tuple[NumberGroup, ...]:
        """Return how many true topics are found, perplexities, and the topics' sizes."""
        groups = []
        truth = self._true_topics()
        if truth is not None:
            groups.append(numbers.truth_group(self.topic_word(index), truth))
        expectation = self.snapshot(index).expectation
        if expectation is not None:
            fitted = numbers.perplexity(expectation.log_likelihood, self.data.n_tokens)
            n_held, value = 0, None
            if self.held is not None:
                n_held = self.held.n_documents
                value = None if self.controller.playing else self.held_out_perplexity(index)
            groups.append(numbers.perplexity_group(fitted, n_held, value, self.nouns))
            counts = expectation.statistics.topic_word_counts.sum(1)
            groups.append(numbers.size_group(counts, self.names, self.nouns))
        return tuple(groups)

    def _objective(self, index: int) -> NumberGroup:
        return numbers.objective_group(super()._objective(index), self.nouns)

    def export_tables(self, index: int) -> dict[str, tuple[list[str], list[Any]]]:
        """Return topics × words, and documents × topics."""
        topics = [topic_name(self.names, k) for k in range(self.options.n_topics)]
        by_word = zip(self.vocabulary, self.topic_word(index).T.tolist(), strict=True)
        tables = {"topic_word": (["word", *topics], [[w, *row] for w, row in by_word])}
        doc_topic = self.doc_topic(index)
        if doc_topic is not None:
            lines = [[d, *row] for d, row in zip(self.documents, doc_topic.tolist(), strict=True)]
            tables["document_topic"] = (["document", *topics], lines)
        return tables

    # -- the hand ----------------------------------------------------------------------------

    @Slot(int)
    def choose_document(self, document: int) -> None:
        """Show another document's words."""
        document = max(0, min(document, self.data.n_documents - 1))
        if document == self.document and self.stage.shown is not None:
            return
        self.document = document
        self.show_choice()

    @Slot(int)
    def choose_topic(self, topic: int) -> None:
        """Mark a topic's strongest documents; once more lets go of it."""
        self.topic = None if topic == self.topic else topic
        self.show_choice()

    def lock_names(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the topics."""
        return [topic_name(self.names, k) for k in range(self.options.n_topics)], ()

    @Slot(int, object)
    def _on_topic_asked(self, topic: int, place: Any) -> None:
        self.ask_locks([Lock("topics", (topic,))], place)

    def _on_grouped(self, _: bool) -> None:
        self.stage.redraw()
