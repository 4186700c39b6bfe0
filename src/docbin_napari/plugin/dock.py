"""Dock panels as tabs of one dock, with help, dropped folders, and a question before closing."""

from __future__ import annotations

import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QMessageBox, QWidget

from docbin_napari.io.errors import PageError
from docbin_napari.io.page import find_pages
from docbin_napari.plugin.commands import list_pages
from docbin_napari.plugin.layers.canvas import keep_programs
from docbin_napari.plugin.reader import is_training_folder
from docbin_napari.plugin.widgets import leave_focus, make_room
from docbin_napari.plugin.writer import take_over_saving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# What panels live in: a main window, or a dock that floats.
_HOUSES = (QDockWidget, QMainWindow)
_OURS = "docbin_panel"
_LOWEST = 40  # pixels, until a panel lies on its tab
_SOON_MILLISECONDS = 50
BINARIZE = "Binarize document"
CORRECT = "Correct and save training pairs"
TRAIN = "Train on my pairs"
"""The panels, as the menu calls them."""
_STEPS = {BINARIZE: "Binarize", CORRECT: "Correct", TRAIN: "Train"}
_HELP = "help"
# State of the process: the panels that are open in this process. Gone with them.
_PANELS: weakref.WeakSet[Any] = weakref.WeakSet()


class PanelWatch(QObject):  # type: ignore[misc, unused-ignore]
    """Reports when a widget is shown, and when its panel or the whole viewer is closed.

    Parameters
    ----------
    watched : QWidget
        The widget.
    shown, closed : callable, optional
        What to do then.

    Attributes
    ----------
    gone : bool
        Whether the widget was deleted and must not be used any more.
    """

    def __init__(
        self,
        watched: Any,
        shown: Callable[[], None] = lambda: None,
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.gone = False
        self._own = watched
        self._shown, self._closed = shown, closed
        self._docked = False
        self._in_window = False
        watched.installEventFilter(self)
        watched.destroyed.connect(self._on_destroyed)

    @property
    def docked(self) -> bool:
        """Whether the widget lies in a panel that is open."""
        return not self.gone and self._docked

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Note what happens, and let it happen."""
        if event.type() == QEvent.Type.Show and watched is self._own:
            self._follow()
            self._shown()
        if event.type() == QEvent.Type.ParentChange:
            docked = self._is_docked()
            if self._docked and not docked:
                self._closed()
            self._docked = docked
        return False

    def _follow(self) -> None:
        """Watch all parents of the widget: a panel is closed by removing the outermost one."""
        self._in_window = isinstance(self._own.window(), _HOUSES)
        self._docked = self._is_docked()
        for around in _parents(self._own):
            if isinstance(around, _HOUSES):
                break
            around.installEventFilter(self)

    def _is_docked(self) -> bool:
        if self._own.parent() is None:
            return False
        return not self._in_window or isinstance(self._own.window(), _HOUSES)

    def _on_destroyed(self) -> None:
        self.gone = True
        self._closed()


def ask(box: QMessageBox, answers: dict[str, QMessageBox.ButtonRole], default: str) -> str:
    """Ask a question.

    Parameters
    ----------
    box : QMessageBox
        With the question.
    answers : dict of str to ButtonRole
        The buttons; Escape gives the last one.
    default : str
        The answer that Enter gives.

    Returns
    -------
    str
        The answer.
    """
    buttons = {words: box.addButton(words, role) for words, role in answers.items()}
    box.setDefaultButton(buttons[default])
    box.setEscapeButton(list(buttons.values())[-1])
    box.exec()
    chosen = (words for words, button in buttons.items() if button is box.clickedButton())
    return next(chosen, list(answers)[-1])


def ask_to_close(parent: Any, trouble: str) -> bool:
    """Ask whether a window should close although corrections would be lost.

    Parameters
    ----------
    parent : QWidget
        The window.
    trouble : str
        Why they could not be kept.

    Returns
    -------
    bool
        Whether it should close.
    """
    text = f"{trouble}\n\nIf napari closes now, the corrections of this page are lost."
    icon = QMessageBox.Icon.Warning
    box = QMessageBox(icon, "Corrections would be lost", text, parent=parent)
    role = QMessageBox.ButtonRole
    lose, stay = "Close and lose them", "Stay"
    return ask(box, {lose: role.DestructiveRole, stay: role.RejectRole}, stay) == lose


class ClosingWatch(QObject):  # type: ignore[misc, unused-ignore]
    """Asks before a window closes.

    Parameters
    ----------
    trouble : callable
        Says why it should not close, or "".
    asks : callable
        Gets the window and the trouble; returns whether it closes all the same.
    """

    def __init__(
        self, trouble: Callable[[], str], asks: Callable[[Any, str], bool] = ask_to_close
    ) -> None:
        super().__init__()
        self._trouble, self._asks = trouble, asks

    def stand_before(self, window: Any) -> None:
        """Watch a window; None, or a window that is watched already, changes nothing."""
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Ask before the window closes if there is trouble."""
        if event.type() != QEvent.Type.Close:
            return False
        trouble = self._trouble()
        if not trouble or self._asks(watched, trouble):
            return False
        event.ignore()
        return True


def _join_tabs(panel: Any, title: str) -> None:
    """Put a panel that was opened just now on the tabs of the others.

    Strategy: napari stacks the docks of panels that are opened from its menu, and the minimum
    heights of all add up until the window is higher than the screen. A panel that the user has
    put elsewhere since stays there: each dock is placed once.

    Parameters
    ----------
    panel : QWidget
        Inside a dock of a main window; anything else is left alone.
    title : str
        What the tab shows.
    """
    window, dock = panel.window(), _dock_of(panel)
    if not isinstance(window, QMainWindow) or dock is None or dock.property(_OURS):
        return
    QTimer.singleShot(_SOON_MILLISECONDS, lambda: _as_high_as_needed(window, dock, panel))
    dock.setProperty(_OURS, True)
    MenuEntry(dock)
    _name(dock, title)
    area: Any = window.dockWidgetArea(dock)
    beside: list[Any] = [
        other
        for other in window.findChildren(QDockWidget)
        if other is not dock and other.property(_OURS) and not other.isFloating()
        if window.dockWidgetArea(other) == area
    ]
    if beside and beside[-1] not in window.tabifiedDockWidgets(dock):
        window.tabifyDockWidget(beside[-1], dock)
        dock.show()
        dock.raise_()


class MenuEntry(QObject):  # type: ignore[misc, unused-ignore]
    """Brings a panel to the front whose menu entry is chosen while it lies behind another tab.

    napari's menu hides what is visible for Qt, as a panel on the tab behind is, and what it shows
    again is on the tab behind.

    Parameters
    ----------
    dock : QDockWidget
        Of the panel.
    """

    def __init__(self, dock: Any) -> None:
        super().__init__(dock)
        self._dock = dock
        self._in_front, self._hidden = True, False
        dock.visibilityChanged.connect(self._note)
        dock.installEventFilter(self)

    def _note(self, in_front: bool) -> None:
        self._in_front = in_front

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Follow what napari hides and shows; not what goes and comes with the window."""
        if event.type() == QEvent.Type.Hide and watched.isHidden():
            self._hidden = self._in_front
            if not self._in_front:
                QTimer.singleShot(0, self._bring)
        elif event.type() == QEvent.Type.Show and self._hidden:
            self._hidden = False
            QTimer.singleShot(0, self._bring)
        return False

    def _bring(self) -> None:
        with suppress(RuntimeError):  # It may be deleted by now.
            if self._dock.widget() is not None:  # It is not being closed.
                self._dock.show()
                self._dock.raise_()


def _name(dock: Any, title: str) -> None:
    """Give tab and title bar a name that is not cut off."""
    dock.setWindowTitle(title)
    bar = dock.titleBarWidget()
    for label in [] if bar is None else bar.findChildren(QLabel):
        label.setText(title)


def _as_high_as_needed(window: Any, dock: Any, panel: Any) -> None:
    with suppress(RuntimeError):  # It may be deleted by now.
        panel.setMinimumHeight(0)
        window.resizeDocks([dock], [window.height()], Qt.Orientation.Vertical)


def _parents(native: Any, kind: type = QObject) -> Iterator[Any]:
    """Yield what a widget lies in and is of a kind, from the inside to the outside."""
    while (native := native.parent()) is not None:
        if isinstance(native, kind):
            yield native


def _dock_of(panel: Any) -> Any:
    return next(_parents(panel, QDockWidget), None)


def open_panel(viewer: Any, name: str) -> Any:
    """Find a panel of a viewer, or open it, and bring its tab to the front.

    Parameters
    ----------
    viewer : Viewer
        With a window.
    name : str
        `BINARIZE`, `CORRECT` or `TRAIN`.

    Returns
    -------
    Container
        Docked in that window.
    """
    for panel in _PANELS:
        mine = itself(panel._viewer) is itself(viewer)
        if mine and panel.panel_name == name and panel._watch.docked:
            break
    else:
        _, panel = viewer.window.add_plugin_dock_widget("docbin-napari", name)
    dock = _dock_of(panel.native)
    if dock is not None:
        dock.show()
        dock.raise_()
    return panel


def say(viewer: Any, text: str) -> None:
    """Show a message in the place that each open panel of a viewer has for it."""
    for panel in list(_PANELS):
        if itself(panel._viewer) is itself(viewer) and panel._watch.docked:
            panel._say(text)


def itself(viewer: Any) -> Any:
    """Give the viewer behind the proxy that napari gives to each widget."""
    return getattr(viewer, "__wrapped__", viewer)


def main_window(native: Any) -> QMainWindow | None:
    """Find the window that a docked widget belongs to.

    napari's own attribute for it is private, and warns plugins that read it.

    Parameters
    ----------
    native : QWidget
        The widget; its panel may float.

    Returns
    -------
    QMainWindow or None
        None while it is not docked.
    """
    return next(_parents(native, QMainWindow), None)


class FolderDrops(QObject):  # type: ignore[misc, unused-ignore]
    """Takes folders that are dropped on the canvas or a panel while a panel is open.

    Strategy: napari's own reader stacks a folder into the shape of its first page. What is
    dropped is therefore checked before napari sees it; everything but one folder of pages or
    training pairs goes on to it, for instance ``x.zarr``, which other readers know.

    Parameters
    ----------
    panel : QWidget
        A panel; as long as it lies in a window, folders are taken.
    take : callable
        Gets the folder.
    """

    def __init__(self, panel: Any, take: Callable[[Path], None]) -> None:
        super().__init__(panel)
        self._panel, self._take = panel, take
        panel.setAcceptDrops(True)
        panel.installEventFilter(self)

    def watch_canvas(self) -> None:
        """Take what is dropped on the canvas of the window that the panel lies in."""
        window = main_window(self._panel)
        for part in [] if window is None else window.findChildren(QWidget):
            if type(part).__name__ == "QtViewer":
                part.installEventFilter(self)  # A second time changes nothing.

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Accept one folder of pages; let all else pass."""
        if event.type() not in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            return False
        folder = dropped_folder(event.mimeData())
        if folder is None or main_window(self._panel) is None:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            # After the drop: the file manager waits until it is over.
            QTimer.singleShot(0, lambda: self._take(folder))
        return True


def dropped_folder(mime: Any) -> Path | None:
    """Find the one folder of pages that is dropped; None for all else, and for several things."""
    urls = mime.urls() if mime.hasUrls() else []
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    with suppress(PageError):  # It is no folder, or may not be read.
        if path is not None and (find_pages(path) or is_training_folder(path)):
            return path
    return None


# ---- help, which works offline

JOURNEY = (
    "<b>Open → Binarize → Correct → Save</b><br>"
    "1. <b>Open</b> a scan or a folder of scans: <i>Open page…</i>, <i>Open folder…</i>, or drop "
    "it on the window.<br>"
    "2. <b>Binarize</b>: press <i>Run</i>. Move <i>Threshold</i> until faint strokes are there and "
    "stains are not; that is quick and needs no new run.<br>"
    "3. <b>Correct</b> what is wrong: add or rub out ink with the brush, remove specks, give a "
    "region its own threshold.<br>"
    "4. <b>Save</b>: <i>Save black-and-white page…</i> for the page itself; <i>Save pair</i> if "
    "a model should learn from your corrections."
)
NAPARI_KEYS = (
    ("Ctrl+S", "Save the selected layers; ink becomes a black-and-white page"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo what was painted"),
    ("Space", "Held: move the page with the mouse"),
)


def foot_line(viewer: Any, here: str, keys: Sequence[tuple[str, str]] = ()) -> QLabel:
    """Make the last line of a panel: the steps, each a link to its panel, and the help.

    Parameters
    ----------
    viewer : Viewer
        With the window in which panels open.
    here : str
        Name of this panel, as the menu calls it.
    keys : sequence of (str, str)
        Keys of the panel and what they do.

    Returns
    -------
    QLabel
        The line.
    """
    steps = [
        f"<b>{word}</b>" if name == here else _link(name, word) for name, word in _STEPS.items()
    ]
    line = QLabel(f"{' › '.join(steps)} &nbsp;·&nbsp; {_link(_HELP, 'Help and keys')}")
    line.setAlignment(Qt.AlignmentFlag.AlignRight)

    def go(where: str) -> None:
        if where == _HELP:
            _open_help(line, keys)
        else:
            open_panel(viewer, where)

    line.linkActivated.connect(go)
    return line


def _link(target: str, words: str) -> str:
    return f'<a href="{target}" style="color: #6c9ee8">{words}</a>'


def _open_help(line: Any, keys: Sequence[tuple[str, str]]) -> None:
    rows = "".join(
        f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{what}</td></tr>"
        for key, what in (*keys, *NAPARI_KEYS)
    )
    box = QMessageBox(line.window())
    box.setWindowTitle("Help and keys")
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(f"{JOURNEY}<br><br><table>{rows}</table>")
    box.open()


class DockPanel(Container[Any]):
    """One of the panels of the menu: a tab of the common dock that takes dropped folders.

    Attributes
    ----------
    panel_name, tab_title : str
        What the menu and the tab call it.
    key_sheet : tuple of (str, str)
        Keys of the panel and what they do, for the help.
    """

    panel_name = tab_title = ""
    key_sheet: tuple[tuple[str, str], ...] = ()
    _viewer: Any

    def finish(self, width: int) -> None:
        """Add the last line, and begin to watch the dock; called when all parts are there.

        Parameters
        ----------
        width : int
            The least one, pixels.
        """
        self.native.layout().addWidget(foot_line(self._viewer, self.panel_name, self.key_sheet))
        self.native.setMinimumWidth(width)
        # The moment in which it lies under another panel would make the window grow for good.
        self.native.setMinimumHeight(_LOWEST)
        self._drops = FolderDrops(self.native, lambda folder: list_pages(self._viewer, folder))
        self._watch = PanelWatch(self.native, shown=self._show_panel, closed=self.on_closed)
        leave_focus(self.native)
        keep_programs()
        take_over_saving()
        _PANELS.add(self)

    def _show_panel(self) -> None:
        _join_tabs(self.native, self.tab_title)
        self._drops.watch_canvas()
        self._lay_out_all()
        # Only once it is shown does the style say how large the parts are.
        QTimer.singleShot(0, self._lay_out_all)
        self.on_shown()

    def _lay_out_all(self) -> None:
        if not self._watch.gone:
            make_room(self.native)
            self.lay_out()

    def _say(self, text: str) -> None:
        """Show a message, in panels that have a place for those of others."""

    def lay_out(self) -> None:
        """Give parts their sizes."""

    def on_shown(self) -> None:
        """Do what is to be done whenever the panel appears."""

    def on_closed(self) -> None:
        """Do what is to be done when the panel or napari is closed; the widget may be gone."""
