"""The topics' tab in the real window: what is drawn is what the library found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from em_explorer.data.hold_out import hold_out
from em_explorer.data.library import bundled, load_bundled
from em_explorer.em.steps import Phase, RunOptions, StopReason, fit
from em_explorer.models import dirichlet
from em_explorer.models.latent_dirichlet import top_words, word_topics
from em_explorer.models.topic_reading import RECOVERED, cosines
from em_explorer.session.document import list_stories, load_story
from em_explorer.ui import topic_wording
from em_explorer.ui.data_choices import choices_for
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.tabs import latent_dirichlet
from em_explorer.ui.theme import DARK, theme_manager
from em_explorer.ui.views.heat_map import ink, name_groups, rgb_of, share_pixels, topic_rgb


@pytest.fixture
def topics(window: Any) -> Any:
    """Return a function that shows a demo and gives its tab, at 1280 × 800."""
    window.resize(1280, 800)

    def show(demo: str) -> Any:
        window.open_demo(demo)
        return window.tab

    return show


def shown_number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def library_fit(tab: Any) -> Any:
    start = tab.model.initialize(tab.data, np.random.default_rng(tab.seed))
    return fit(tab.model, tab.data, start, tab.run)


# -- what is drawn -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [row.name for row in bundled("latent_dirichlet")])
def test_every_bundled_set_can_be_chosen_and_stepped(topics, step, name):
    tab = topics("small-topics" if name != "small-topics" else "bars")
    choice = next(c for c in choices_for("latent_dirichlet", None) if c.name == name)
    tab.choose_data(choice)
    assert tab.dataset.name == name
    tab.stage.settle()
    assert tab.area.map.matrix is None
    assert tab.area.counter.text().endswith("not read yet")
    step(tab, 3)
    assert tab.area.map.matrix.shape == (tab.data.n_documents, tab.options.n_topics)
    assert tab.heading.caption.text().endswith(".")


def test_the_maps_hold_the_posterior_and_the_topics(topics, step):
    tab = topics("austen")
    step(tab, 4)
    snapshot = tab.snapshot(4)
    assert snapshot.phase is Phase.M
    posterior = tab.latent(4)
    order = tab.area.map.order
    assert list(order) == list(range(269))  # chapters stay in the order of the books
    np.testing.assert_array_equal(tab.area.map.matrix, posterior.doc_topic)
    columns = tab.area.words_map.words
    assert 20 <= len(columns) <= 30
    np.testing.assert_array_equal(tab.area.words_map.matrix, snapshot.params.topic_word[:, columns])
    step(tab, 2)
    assert list(tab.area.words_map.words) == list(columns)  # columns stay, rows change
    words_stand_on_the_color_of_their_likeliest_topic(tab)
    the_list_shows_top_words_with_rise_and_fall(tab)


def test_sorting_puts_documents_of_one_topic_together(topics, step):
    tab = topics("bars")
    step(tab, 9)
    assert tab.area.group_box.isChecked()
    doc_topic = tab.latent(9).doc_topic
    np.testing.assert_array_equal(tab.area.map.matrix, doc_topic[tab.area.map.order])
    main = tab.area.map.matrix.argmax(1)
    assert np.all(np.diff(main) >= 0)
    tab.area.group_box.setChecked(False)
    tab.stage.settle()
    np.testing.assert_array_equal(tab.area.map.matrix, doc_topic)


def words_stand_on_the_color_of_their_likeliest_topic(tab: Any) -> None:
    tab.choose_document(30)
    tab.stage.settle()
    view = tab.area.words
    found, counts = tab.data.document(30)
    phi = word_topics(tab.snapshot(6).posterior_params, tab.latent(6), tab.data, 30)
    order = np.argsort(-counts, kind="stable")
    assert list(view.words) == list(found[order])
    assert list(view.topics) == list(phi.argmax(1)[order])
    html = view.label.text()
    for v, k in zip(view.words, view.topics, strict=True):
        word = tab.vocabulary[v]
        assert f'background-color:{view.background(int(k))}">&nbsp;{word}<sup>{k + 1}<' in html
    assert tab.area.document_name.text() == "Sense & Sensibility 31"


def the_list_shows_top_words_with_rise_and_fall(tab: Any) -> None:
    old, new = (tab.snapshot(i).params.topic_word for i in (5, 6))
    view = tab.area.list
    expected = top_words(new, tab.vocabulary, 12)
    for k, shown in enumerate(view.shown_words):
        assert len(shown) >= 3
        assert tuple(tab.vocabulary[v] for v in shown) == expected[k][: len(shown)]
        for v in shown:
            sign = view.trend[k, v]
            assert sign == 0 or sign == np.sign(new[k, v] - old[k, v])
    assert (view.trend > 0).any()
    assert (view.trend < 0).any()
    marks = topic_wording.trends(old, new)
    np.testing.assert_array_equal(view.trend, marks)
    # An E-step changes no topic: the marks of the M-step stay.
    np.testing.assert_array_equal(tab.picture(5).trend, tab.picture(4).trend)


def test_bars_are_drawn_as_images(topics, step):
    tab = topics("bars")
    step(tab, 72)
    area = tab.area
    assert area.topics.currentWidget() is area.images
    assert area.images.images.shape == (10, 5, 5)
    topic_word = tab.snapshot(72).params.topic_word
    np.testing.assert_array_equal(area.images.images.reshape(10, 25), topic_word)
    assert area.images.recovered.all()
    painted: QImage = area.images.grab().toImage()
    for k in range(10):
        place = area.images.image_rect(k)
        for pixel in (int(topic_word[k].argmax()), int(topic_word[k].argmin())):
            i, j = divmod(pixel, 5)
            x = place.left() + round((j + 0.15) * place.width() / 5)
            y = place.top() + round((i + 0.15) * place.height() / 5)
            wanted = ink(topic_word[[[k]], [[pixel]]] * 5, topic_rgb(10)[k])[0, 0]
            color = QColor(painted.pixel(x, y))
            assert np.abs(rgb_of(color) - wanted).max() <= 1.5
    dots = tab.dataset.values.toarray()[0].reshape(5, 5)
    np.testing.assert_array_equal(area.pictures.image, dots)
    rebuilt = dots.sum() * tab.latent(72).doc_topic[0] @ topic_word
    np.testing.assert_allclose(area.pictures.rebuilt.ravel(), rebuilt, rtol=1e-12)
    tab.side.setCurrentWidget(tab.side.numbers)
    assert tab.side.numbers.value_of("topics recovered") == "10 of 10"
    assert float(tab.side.numbers.value_of("mean match")) > 0.99


# -- runs ----------------------------------------------------------------------------------------


def test_a_large_corpus_is_drawn_the_same_behind_the_windows_back(topics, step, qtbot, monkeypatch):
    tab = topics("small-topics")
    step(tab, 5)
    assert tab.plan(5, False) is None
    here = tab.picture(5)
    monkeypatch.setattr(latent_dirichlet, "HEAVY_FROM", 0)
    with ThreadPoolExecutor(1) as another:
        there = another.submit(tab.plan(5, False)).result()
    for field in fields(here):
        np.testing.assert_array_equal(getattr(there, field.name), getattr(here, field.name))
    moved = 0.5 * np.abs(tab.doc_topic(5) - tab.doc_topic(3)).sum(1)
    assert here.moving == (moved > topic_wording.MOVING).sum()
    tab.stage.forget()
    with qtbot.waitSignal(tab.stage.brought, timeout=10_000):
        tab.stage.show(5)
    assert tab.stage.shown.moving == here.moving


@pytest.mark.parametrize("demo", ["small-topics", "austen"])
def test_the_bound_on_the_screen_is_the_librarys(topics, run_to_end, demo):
    tab = topics(demo)
    run_to_end(tab)
    expected = library_fit(tab)
    assert tab.controller.trace.stop.reason is StopReason.CONVERGED
    assert tab.snapshot(len(tab.controller.trace) - 1).bound == expected.history[-1]
    shown = shown_number(tab.bottom.value_label.text())
    assert shown == pytest.approx(expected.history[-1], abs=0.005)
    assert tab.bottom.name_label.text() == "bound (ELBO), nats"
    y = tab.bottom.curve.line.getData()[1]
    assert len(y) == len(tab.controller.trace) - 1
    assert np.all(np.diff(y) >= -1e-9 * np.abs(y[1:]))
    tab.side.setCurrentWidget(tab.side.numbers)
    if demo == "austen":
        main = tab.area.map.matrix.argmax(1)
        books = [range(a, b) for _, a, b in name_groups(tab.documents)]
        assert [len(set(main[list(book)])) for book in books] == [1] * 6
        assert len({int(main[book[0]]) for book in books}) == 6
    else:
        n = tab.options.n_topics
        assert tab.side.numbers.value_of("topics recovered") == f"{n} of {n}"
        assert float(tab.side.numbers.value_of("mean match")) > 0.99


@pytest.mark.parametrize(
    ("demo", "bound"),
    [
        ("bars-five-topics", -159068),
        ("bars-fifteen-topics", -158534),
        ("austen-two-in-one", -387867),
    ],
)
def test_the_words_of_the_stories_are_true(demo, bound):
    story = load_story(demo)
    dataset, model = story.dataset(), story.build_model()
    data = model.prepare(dataset.values)
    start = model.initialize(data, np.random.default_rng(story.seed))
    found = fit(model, data, start, story.run_options())
    assert found.stop.reason is StopReason.CONVERGED
    assert round(found.history[-1]) == bound
    assert f"−{-bound:,}" in story.watch
    if demo == "bars-fifteen-topics":
        match = cosines(found.params.topic_word, dataset.truth.topic_word)
        assert int((match.max(1) >= RECOVERED).sum()) == 2
    if demo == "austen-two-in-one":
        main = found.expectation.carry.argmax(1)
        persuasion = main[[d.startswith("Persuasion") for d in dataset.documents]]
        sense = main[[d.startswith("Sense") for d in dataset.documents]]
        assert set(persuasion) == {1}
        assert (sense == 1).mean() > 0.8


def test_a_uniform_start_is_said_to_be_stalled(topics, run_to_end):
    tab = topics("bars-uniform")
    run_to_end(tab)
    assert tab.controller.trace.stop.reason is StopReason.STALLED
    assert "stalled" in tab.bottom.transport.pill.text()
    assert "All topics are equal" in tab.heading.caption.text()
    assert np.ptp(tab.area.images.images, axis=0).max() < 1e-12


def test_every_story_says_what_to_ask_and_watch_and_leads_on_to_one_there_is():
    stories = list_stories("latent_dirichlet")
    assert len(stories) >= 6
    names = {story.name for story in stories}
    for story in stories:
        assert story.caption.endswith((".", "?"))
        assert story.question.endswith("?")
        assert story.watch.endswith(".")
        assert {button.demo for button in story.next} <= names


# -- the hand ------------------------------------------------------------------------------------


def test_a_click_on_a_row_shows_its_document(topics, step, qtbot):
    tab = topics("austen")
    step(tab, 3)
    cells = tab.area.map.cells()
    y = cells.top() + (100 + 0.5) / 269 * cells.height()
    with qtbot.waitSignal(tab.area.map.document_picked):
        QTest.mouseClick(
            tab.area.map, Qt.MouseButton.LeftButton, pos=QPoint(cells.center().x(), round(y))
        )
    tab.stage.settle()
    assert abs(tab.document - 100) <= 1
    assert tab.area.document_box.value() == tab.document + 1
    assert tab.area.document_name.text() == tab.documents[tab.document]
    before = tab.document
    QTest.keyClick(tab.area.map, Qt.Key.Key_Down)
    assert tab.document == before + 1
    tab.area.document_box.setValue(7)
    tab.stage.settle()
    assert tab.document == 6
    assert tab.area.map.document == 6
    a_click_on_a_topic_shows_its_strongest_documents(tab)
    the_wheel_looks_closer_at_some_rows(tab)


def a_click_on_a_topic_shows_its_strongest_documents(tab: Any) -> None:
    view = tab.area.list
    place = QPoint(view.name_place(2).left() + 3, round(2.5 * view.row_height))
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=place)
    tab.stage.settle()
    doc_topic = tab.latent(3).doc_topic
    best = [int(d) for d in np.argsort(-doc_topic[:, 2], kind="stable")[:10]]
    assert list(tab.area.map.top) == best
    hint = tab.area.hint.text()
    assert "Topic 3 is strongest in" in hint
    assert all(tab.documents[d] in hint for d in best[:3])
    tab.area.hint.linkActivated.emit(str(best[1]))
    assert tab.document == best[1]
    tab.choose_topic(2)
    tab.stage.settle()
    assert tab.area.map.top == ()


def test_a_topic_is_never_called_by_part_of_its_number(topics):
    images = topics("bars").area.images
    metrics = images.fontMetrics()
    images.recovered = np.ones(10, dtype=bool)
    wide = metrics.horizontalAdvance("Topic 10 ✓")
    assert images.label(9, metrics, wide) == "Topic 10 ✓"
    assert images.label(9, metrics, wide - 1) == "10 ✓"
    assert images.label(0, metrics, wide - 1) == "Topic 1 ✓"


def test_escape_leaves_a_name_and_the_run_as_they_were(topics, step):
    tab = topics("bars")
    step(tab, 2)
    images = tab.area.images
    QTest.mouseDClick(images, Qt.MouseButton.LeftButton, pos=images.image_rect(3).center())
    edit = images.renamer.edit
    QTest.keyClicks(edit, "fourth row")
    QTest.keyClick(edit, Qt.Key.Key_Escape)
    assert not edit.isVisible()
    assert images.names == {}
    assert tab.controller.trace.stop is None
    QTest.keyClick(images, Qt.Key.Key_Escape)  # with no name to leave, it ends the run
    assert tab.controller.trace.stop is not None


def test_names_are_kept_with_the_data_set(topics, step, qtbot):
    tab = topics("bars")
    step(tab, 2)
    images = tab.area.images
    QTest.mouseDClick(images, Qt.MouseButton.LeftButton, pos=images.image_rect(3).center())
    assert images.renamer.edit.isVisible()
    images.renamer.edit.clear()
    QTest.keyClicks(images.renamer.edit, "fourth row")
    QTest.keyClick(images.renamer.edit, Qt.Key.Key_Return)
    tab.stage.settle()
    assert images.names == {3: "fourth row"}
    assert not images.renamer.edit.isVisible()
    tab = topics("austen")
    tab.stage.settle()
    assert tab.area.list.names == {}
    tab = topics("bars")
    step(tab, 1)
    assert images.names == {3: "fourth row"}
    assert "fourth row" in tab.export_tables(1)["topic_word"][0]
    tab.rename_topic(3, "")
    assert tab.names == {}
    tab.rename_topic(3, "fourth row")
    tab.new_start()  # other topics: the name would be a lie
    assert tab.names == {}


def test_documents_held_out_are_judged_when_paused(topics, step):
    tab = topics("small-topics")
    tab.side.setCurrentWidget(tab.side.numbers)
    tab.area.hold_out_box.setChecked(True)
    assert tab.data.n_documents == 90
    assert "10 held out" in tab.setup.size_label.text()
    fitted, held = hold_out(load_bundled("small-topics"))
    assert held.n_documents == 10
    np.testing.assert_array_equal(
        held.to_dense(), load_bundled("small-topics").values.toarray()[9::10]
    )
    assert fitted.documents[8:10] == ("document 9", "document 11")
    values = []
    for _ in range(3):
        step(tab, 2)
        params = tab.snapshot(tab.controller.cursor).params
        expected = tab.model.perplexity(params, held)
        shown = float(tab.side.numbers.value_of("10 held out"))
        assert shown == pytest.approx(expected, rel=1e-3)
        values.append(shown)
    assert values[-1] < values[0]
    tab.area.hold_out_box.setChecked(False)
    assert tab.data.n_documents == 100
    with pytest.raises(KeyError):
        tab.side.numbers.value_of("10 held out")


def test_too_few_documents_to_hold_any_out_is_said(topics):
    tab = topics("small-topics")
    generator = next(c for c in choices_for("latent_dirichlet", None) if c.name == "topics")
    tab.choose_data(generator)
    tab._on_generator(type(tab.generator_options)(n=5))
    tab.area.hold_out_box.setChecked(True)
    assert not tab.area.hold_out_box.isChecked()
    assert "at least 10 documents" in tab.heading.notice.text.text()
    assert tab.data.n_documents == 5


def the_wheel_looks_closer_at_some_rows(tab: Any) -> None:
    view = tab.area.map
    place = QPointF(view.cells().center())

    def turn(delta: int) -> None:
        event = QWheelEvent(
            place,
            view.mapToGlobal(place),
            QPoint(),
            QPoint(0, delta),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(view, event)

    middle = view.row_at(place.y())
    for _ in range(20):
        turn(120)
    assert view._last - view._first == 8
    assert view._first <= middle < view._last
    for _ in range(20):
        turn(-120)
    assert (view._first, view._last) == (0, 269)


def test_it_follows_theme_and_projector_size(topics, step):
    tab = topics("austen")
    step(tab, 2)
    light = tab.area.map.grab().toImage().pixel(2, 2)
    theme_manager().use(DARK, 1.5)
    tab.stage.settle()
    assert tab.area.map.grab().toImage().pixel(2, 2) != light
    assert QColor(tab.area.map.grab().toImage().pixel(2, 2)) == DARK.color("panel")
    k = int(tab.area.words.topics[0])
    assert tab.area.words.background(k) in tab.area.words.label.text()


# -- words and pieces ----------------------------------------------------------------------------


def test_captions_name_what_changed():
    before = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    now = np.array([[0.4, 0.6], [0.2, 0.8], [0.59, 0.41]])
    names = ("a", "b", "c")
    text = topic_wording.e_caption(before, now, names, topic_wording.TEXT)
    assert text == (
        "1 document changed its main topic; a moved most: 50 % of it went to other topics."
    )
    text = topic_wording.e_caption(now, now, names, topic_wording.IMAGES)
    assert text.startswith("No image changed its main topic")
    old = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    new = np.array([[0.3, 0.4, 0.3], [0.1, 0.1, 0.8]])
    words = ("captain", "emma", "harriet")
    text = topic_wording.m_caption(old, new, words, {}, topic_wording.TEXT)
    assert text in (
        "Topic 1 now leans to ‘emma’ and ‘harriet’ (rising), away from ‘captain’.",
        "Topic 1 now leans to ‘harriet’ and ‘emma’ (rising), away from ‘captain’.",
    )
    text = topic_wording.m_caption(old, new, words, {0: "Highbury"}, topic_wording.IMAGES)
    assert text.startswith("Highbury changed most: it gains at ")
    assert "hardly changed" in topic_wording.m_caption(old, old, words, {}, topic_wording.TEXT)
    np.testing.assert_array_equal(topic_wording.trends(old, new), [[-1, 1, 1], [0, 0, 0]])


def test_each_half_step_has_its_formulas():
    for phase, formulas in (
        (Phase.START, ()),
        (Phase.E, ("latent_dirichlet_phi", "latent_dirichlet_gamma")),
        (Phase.M, ("latent_dirichlet_lambda", "latent_dirichlet_topic_word")),
    ):
        said: Explanation = topic_wording.explanation(phase, topic_wording.TEXT, ())
        assert said.formulas == formulas


def test_rows_that_share_a_pixel_are_averaged():
    values = np.arange(20.0).reshape(10, 2)
    np.testing.assert_array_equal(share_pixels(values, 10), values)
    shared = share_pixels(values, 5)
    np.testing.assert_allclose(shared, values.reshape(5, 2, 2).mean(1))


def test_books_are_found_in_the_names():
    names = tuple(f"Emma {i}" for i in range(4)) + tuple(f"Persuasion {i}" for i in range(3))
    assert name_groups(names) == [("Emma", 0, 4), ("Persuasion", 4, 7)]
    assert name_groups(tuple(f"document {i}" for i in range(9))) == []
    assert name_groups(("a", "b", "c", "d")) == []


def test_a_paused_document_is_not_counted_as_settled(topics, step):
    tab = topics("small-topics")
    tab.set_options(type(tab.options)(n_topics=3, inner_max_iter=2))
    tab.set_run(RunOptions(max_iter=5))
    step(tab, 1)
    paused = int(tab.latent(1).paused.sum())
    assert paused > 0
    assert tab.area.counter.text() == f"{100 - paused} of 100 documents settled"
    gamma = tab.snapshot(1).expectation.carry
    np.testing.assert_array_equal(tab.doc_topic(1), dirichlet.mean(gamma))
    np.testing.assert_array_equal(tab.latent(1).doc_topic, tab.doc_topic(1))


def test_other_documents_while_playing_with_some_held_out(window, qtbot):
    window.open_demo("bars-five-topics")
    tab = window.tab
    tab.area.hold_out_box.setChecked(True)
    tab.side.setCurrentWidget(tab.side.numbers)
    tab.set_run(type(tab.run)(max_iter=100_000, tolerance=0.0))
    tab.controller.run_to_end()
    qtbot.waitUntil(lambda: tab.controller.cursor > 0, timeout=10_000)
    assert tab.controller.playing
    austen = next(c for c in choices_for(tab.key, None) if c.title == "Jane Austen's novels")
    tab.choose_data(austen)
    assert tab.dataset.title == austen.title
    assert tab.held.n_words == tab.data.n_words
