// SPDX-License-Identifier: GPL-2.0-or-later

//! `resmon top`: the live screen. This file is its loop and its keys.

mod draw;
mod format;
mod interval;
mod layout;
mod order;
mod point;
mod reader;
mod screen;
mod state;
mod terminal;
#[cfg(test)]
mod tests;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use nix::sys::signal::Signal;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use rustix::io::Errno;

use crate::args::{FromAny, Top};
use crate::error::{Error, Result};
use draw::{width_of, Look};
use order::TaskOrder;
use reader::{Message, Reader};
use state::{Origin, State};
use terminal::{obey, stop_job, watch_hang_up, watch_keys, watch_signals, Screen};

/// Most messages that wait to be shown. Whoever sends more waits, so that a slow terminal costs no
/// memory.
const MAX_WAITING: usize = 1024;

/// The screen is drawn no more often than this, however short the interval is.
const SHORTEST_FRAME: Duration = Duration::from_millis(40);

/// A screen is no larger than this.
const MAX_COLUMNS: u16 = 1000;
const MAX_ROWS: u16 = 500;

/// How many samples a page key goes.
const PAGE: i64 = 60;

pub fn run(args: &Top) -> Result<()> {
    let from = &args.from;
    if let Some(size) = &args.once {
        return once(from, size);
    }
    if !io::stdout().is_terminal() {
        return Err(Error::Usage(
            "standard output is not a terminal; use resmon log or --once".into(),
        ));
    }
    match live(from) {
        Err(Error::Output(error)) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
            hang_up()
        }
        result => result,
    }
}

/// The terminal is gone, so there is nobody to tell: ends as the system has programs end then,
/// whether or not it told this one. Where that is to be ignored, this returns.
fn hang_up() -> Result<()> {
    obey(Signal::SIGHUP)
}

/// Reads `COLUMNSxROWS`.
fn parse_size(text: &str) -> Result<(u16, u16)> {
    let parse = || {
        let (columns, rows) = text.split_once('x')?;
        let columns = columns.parse().ok()?;
        let rows = rows.parse().ok()?;
        let is_allowed = (10..=MAX_COLUMNS).contains(&columns) && (3..=MAX_ROWS).contains(&rows);
        is_allowed.then_some((columns, rows))
    };
    parse().ok_or_else(|| {
        Error::Usage(format!(
            "'{text}' is not a size such as 80x24: it can be 10x3 to 1000x500"
        ))
    })
}

/// Prints one screen as text.
fn once(from: &FromAny, size: &str) -> Result<()> {
    let (columns, rows) = parse_size(size)?;
    let (origin, samples) = reader::kept(from, columns.into())?;
    let mut state = State::new(origin);
    state.is_once = true;
    for sample in samples {
        state.push(sample?);
    }
    if state.origin == Origin::Recording {
        state.end();
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
        let mut line = String::new();
        let mut x = buffer.area.left();
        while let Some(cell) = buffer.cell((x, y)) {
            line.push_str(cell.symbol());
            // A wide letter has the cells that it covers.
            x = x.saturating_add(width_of(cell.symbol()).max(1));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn live(from: &FromAny) -> Result<()> {
    let (sender, messages) = std::sync::mpsc::sync_channel(MAX_WAITING);
    // First of all, since the other threads must have these signals blocked, too.
    watch_signals(sender.clone())?;
    // What cannot be opened is said before the screen changes.
    let mut reader = Reader::start(from, sender.clone())?;
    let look = Look {
        has_colour: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        zone: TimeZone::system(),
    };
    let mut state = State::new(reader.origin());
    let mut screen = Screen::open()?;
    watch_keys(sender.clone());
    watch_hang_up(sender.clone());

    let mut last_drawn = Instant::now();
    loop {
        let Some(message) = next_message(&messages, &mut screen, &state, &look, &mut last_drawn)?
        else {
            return Ok(());
        };
        match message {
            Message::Sample { reader: of, sample } if reader.is(of) => state.push(*sample),
            Message::Past {
                reader: of,
                samples,
            } if reader.is(of) => state.push_past(samples),
            Message::End { reader: of } if reader.is(of) => state.end(),
            Message::Failed { reader: of, error } if reader.is(of) => return Err(error),
            // A reader that was replaced may still have sent something.
            Message::Sample { .. }
            | Message::Past { .. }
            | Message::End { .. }
            | Message::Failed { .. } => (),
            Message::Terminal(Err(error)) => {
                return Err(Error::Other(format!("cannot read the terminal: {error}")));
            }
            // A resize needs no more than to be drawn.
            Message::Terminal(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                match act(&mut state, action(key)) {
                    Outcome::Continue => (),
                    Outcome::Quit => return Ok(()),
                    Outcome::Stop => stop_job()?,
                    Outcome::Reread => {
                        state.forget();
                        reader = Reader::start(from, sender.clone())?;
                    }
                }
            }
            Message::Terminal(Ok(_)) => (),
            Message::HangUp => {
                drop(screen);
                return hang_up();
            }
            Message::Signal(Signal::SIGTSTP) => {
                screen.leave()?;
                obey(Signal::SIGTSTP)?;
                // Where nobody could have it go on, as without a shell, it has not stopped at all.
                screen.enter()?;
            }
            // After SIGSTOP, of which it knew nothing, the terminal is the shell's.
            Message::Signal(Signal::SIGCONT) => {
                screen.leave()?;
                screen.enter()?;
            }
            Message::Signal(signal) => {
                drop(screen);
                return obey(signal);
            }
        }
    }
}

/// Waits for the next message, and draws the screen before that once it is time and nothing waits.
/// None when nobody sends any more, or nobody sees the screen.
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
    screen.draw(state, look)?;
    *last_drawn = Instant::now();
    Ok(messages.recv().ok())
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    Quit,
    Stop,
    Pause,
    Scroll(i64),
    Oldest,
    Newest,
    Sort,
    Tasks(TaskOrder),
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
        KeyCode::Char('z') if is_control => Action::Stop,
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
        KeyCode::Char('t') => Action::Tasks(TaskOrder::Cpu),
        KeyCode::Char('m') => Action::Tasks(TaskOrder::Memory),
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
    Stop,
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
        Action::Stop => return Outcome::Stop,
        Action::Pause => state.toggle_pause(),
        Action::Scroll(samples) => state.scroll(samples),
        Action::Oldest => state.go_to_oldest(),
        Action::Newest => state.go_to_newest(),
        Action::Sort => state.sort = state.sort.next(),
        Action::Tasks(order) => state.task_order = order,
        Action::Zoom => state.zoom(),
        Action::Longer => state.note = Some(interval::change(state.origin, interval::longer)),
        Action::Shorter => state.note = Some(interval::change(state.origin, interval::shorter)),
        Action::Help => state.is_help_shown = !state.is_help_shown,
        Action::Reread => return Outcome::Reread,
    }
    Outcome::Continue
}
