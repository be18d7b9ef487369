// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon top`: the live screen. This file is its loop and its keys.

mod draw;
mod format;
mod layout;
mod reader;
mod screen;
mod state;
#[cfg(test)]
mod tests;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::DefaultTerminal;
use resmon::Device;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::args::Top;
use crate::error::{Error, Result};
use draw::Look;
use reader::{Message, Reader};
use state::{Origin, State};

/// Most messages that wait to be shown. Whoever sends more waits, so that a slow terminal costs no
/// memory.
const MAX_WAITING: usize = 1024;

/// The screen is drawn no more often than this, however short the interval is.
const SHORTEST_FRAME: Duration = Duration::from_millis(40);

/// How many samples a page key goes.
const PAGE: i64 = 60;

pub fn run(args: &Top) -> Result<()> {
    let from = args.from.from.as_deref();
    if let Some(size) = &args.once {
        return once(from, size);
    }
    if !io::stdout().is_terminal() {
        return Err(Error::Usage(
            "standard output is not a terminal; use resmon log or --once".into(),
        ));
    }
    live(from)
}

/// Reads `COLUMNSxROWS`.
fn parse_size(text: &str) -> Result<(u16, u16)> {
    let parse = || {
        let (columns, rows) = text.split_once('x')?;
        let columns = columns.parse().ok()?;
        let rows = rows.parse().ok()?;
        let is_allowed = (10..=1000).contains(&columns) && (3..=500).contains(&rows);
        is_allowed.then_some((columns, rows))
    };
    parse().ok_or_else(|| {
        Error::Usage(format!(
            "'{text}' is not a size such as 80x24: it can be 10x3 to 1000x500"
        ))
    })
}

/// Prints one screen as text.
fn once(from: Option<&Path>, size: &str) -> Result<()> {
    let (columns, rows) = parse_size(size)?;
    let mut state = State::new(Origin::of(from));
    state.is_once = true;
    for sample in reader::kept(from)? {
        state.push(sample?);
    }
    let look = Look {
        // Text has no colours, so the bars must do without.
        has_colour: false,
        zone: TimeZone::system(),
    };
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    screen::draw(&mut buffer, &state, &look);
    let text = text_of(&buffer);
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// The lines of a screen, without the blanks at their ends.
fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let row = buffer.area.left()..buffer.area.right();
        let line: String = row
            .filter_map(|x| Some(buffer.cell((x, y))?.symbol()))
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The terminal, which is as it was before when this is dropped. A panic restores it, too, by the
/// hook that ratatui sets.
struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    fn open() -> Result<Self> {
        ratatui::try_init()
            .map(|terminal| Self { terminal })
            .inspect_err(|_| drop(ratatui::try_restore()))
            .map_err(Error::Output)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone, and then there is nothing to restore.
        drop(ratatui::try_restore());
    }
}

fn live(from: Option<&Path>) -> Result<()> {
    let (sender, messages) = std::sync::mpsc::sync_channel(MAX_WAITING);
    // What cannot be opened is said before the screen changes.
    let mut reader = Reader::start(from, sender.clone())?;
    let look = Look {
        has_colour: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        zone: TimeZone::system(),
    };
    let mut state = State::new(Origin::of(from));
    watch_signals(sender.clone())?;
    let mut screen = Screen::open()?;
    watch_keys(sender.clone());

    let mut last_drawn = Instant::now();
    loop {
        let Some(message) = next_message(&messages, &mut screen, &state, &look, &mut last_drawn)?
        else {
            return Ok(());
        };
        match message {
            Message::Sample { reader: of, sample } if reader.is(of) => state.push(*sample),
            Message::End { reader: of } if reader.is(of) => state.has_ended = true,
            Message::Failed { reader: of, error } if reader.is(of) => return Err(error.into()),
            // A reader that was replaced may still have sent something.
            Message::Sample { .. } | Message::End { .. } | Message::Failed { .. } => (),
            Message::Terminal(Err(error)) => {
                return Err(Error::Other(format!("cannot read the terminal: {error}")));
            }
            // A resize needs no more than to be drawn.
            Message::Terminal(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                match act(&mut state, action(key)) {
                    Outcome::Continue => (),
                    Outcome::Quit => return Ok(()),
                    Outcome::Reread => {
                        state.forget();
                        reader = Reader::start(from, sender.clone())?;
                    }
                }
            }
            Message::Terminal(Ok(_)) => (),
            Message::Signal => return Ok(()),
        }
    }
}

/// Waits for the next message, and draws the screen before that once it is time and nothing waits.
/// None when nobody sends any more.
fn next_message(
    messages: &Receiver<Message>,
    screen: &mut Screen,
    state: &State,
    look: &Look,
    last_drawn: &mut Instant,
) -> Result<Option<Message>> {
    let wait = SHORTEST_FRAME.saturating_sub(last_drawn.elapsed());
    if !wait.is_zero() {
        // Within this time more may come, such as the whole history at the start.
        if let Ok(message) = messages.recv_timeout(wait) {
            return Ok(Some(message));
        }
    }
    screen
        .terminal
        .draw(|frame| screen::draw(frame.buffer_mut(), state, look))?;
    *last_drawn = Instant::now();
    Ok(messages.recv().ok())
}

/// Sends what the terminal says. The thread ends with the program.
fn watch_keys(sender: SyncSender<Message>) {
    thread::spawn(move || loop {
        let event = event::read();
        let has_failed = event.is_err();
        if sender.send(Message::Terminal(event)).is_err() || has_failed {
            return;
        }
    });
}

/// Has the signals that end a program end it as `q` does.
fn watch_signals(sender: SyncSender<Message>) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if sender.send(Message::Signal).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Quit,
    Pause,
    Scroll(i64),
    Oldest,
    Newest,
    Sort,
    Zoom,
    Longer,
    Shorter,
    Help,
    Reread,
}

fn action(key: KeyEvent) -> Action {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if is_control => Action::Quit,
        _ if is_control || key.modifiers.contains(KeyModifiers::ALT) => Action::Nothing,
        KeyCode::Char('q') | KeyCode::Esc => Action::Quit,
        KeyCode::Char(' ') => Action::Pause,
        KeyCode::Left => Action::Scroll(-1),
        KeyCode::Right => Action::Scroll(1),
        KeyCode::PageUp => Action::Scroll(-PAGE),
        KeyCode::PageDown => Action::Scroll(PAGE),
        KeyCode::Home => Action::Oldest,
        KeyCode::End => Action::Newest,
        KeyCode::Char('s') => Action::Sort,
        KeyCode::Char('z') => Action::Zoom,
        KeyCode::Char('+') => Action::Longer,
        KeyCode::Char('-') => Action::Shorter,
        KeyCode::Char('?') => Action::Help,
        KeyCode::Char('r') => Action::Reread,
        _ => Action::Nothing,
    }
}

/// What the loop does after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Continue,
    Quit,
    Reread,
}

fn act(state: &mut State, action: Action) -> Outcome {
    if action != Action::Nothing {
        // It was there to be read, and who presses a key has done so.
        state.note = None;
    }
    match action {
        Action::Nothing => (),
        // Who reads the help wants to leave that, not the program.
        Action::Quit if state.is_help_shown => state.is_help_shown = false,
        Action::Quit => return Outcome::Quit,
        Action::Pause => state.toggle_pause(),
        Action::Scroll(samples) => state.scroll(samples),
        Action::Oldest => state.go_to_oldest(),
        Action::Newest => state.go_to_newest(),
        Action::Sort => state.sort = state.sort.next(),
        Action::Zoom => state.zoom(),
        Action::Longer => state.note = Some(change_interval(state.origin, state::longer)),
        Action::Shorter => state.note = Some(change_interval(state.origin, state::shorter)),
        Action::Help => state.is_help_shown = !state.is_help_shown,
        Action::Reread => return Outcome::Reread,
    }
    Outcome::Continue
}

/// Sets the interval that `step` gives for the one in force, and says what came of it.
fn change_interval(origin: Origin, step: fn(Duration) -> Option<Duration>) -> String {
    if origin == Origin::Recording {
        return "The interval of a recording cannot be changed.".into();
    }
    let set = || {
        let device = Device::open_writable()?;
        // The samples here may be older than the interval in force.
        let now = Duration::from_millis(device.info()?.interval_ms);
        let Some(new) = step(now) else {
            return Ok(None);
        };
        device.set_interval(new)?;
        Ok(Some(new))
    };
    match set() {
        Ok(Some(new)) => format!(
            "One sample every {} from now on.",
            format::interval(new.as_secs_f64())
        ),
        Ok(None) => "The interval can be 10 ms to 1 h.".into(),
        Err(resmon::Error::NotAdmin(_) | resmon::Error::PermissionDenied(_)) => {
            "The interval stays: not permitted, to change it needs CAP_SYS_ADMIN.".into()
        }
        Err(error) => format!("The interval stays: {error}"),
    }
}
