// SPDX-License-Identifier: GPL-2.0-or-later

//! What the screen is made of: rules, bars, graphs and tables. Whatever does not fit is cut off,
//! so that no size of the terminal can do harm.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;

/// How things look.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) has_colour: bool,
    pub(super) zone: TimeZone,
}

impl Look {
    pub(super) fn colour(&self, colour: Color) -> Style {
        if self.has_colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    /// What is there to be looked up, not to be noticed.
    pub(super) fn quiet(&self) -> Style {
        self.colour(Color::DarkGray)
    }

    pub(super) fn title(&self) -> Style {
        self.colour(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// What ought to be noticed.
    pub(super) fn warning(&self) -> Style {
        self.colour(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// What is an event: how bad it is, as points have it.
    pub(super) fn event(&self, badness: f32) -> Style {
        let colour = match badness >= 2.0 {
            true => Color::Red,
            false => Color::Yellow,
        };
        self.colour(colour).add_modifier(Modifier::BOLD)
    }

    /// A share that is bad when it is high.
    pub(super) fn level(&self, percent: f64) -> Style {
        if percent >= 90.0 {
            self.colour(Color::Red).add_modifier(Modifier::BOLD)
        } else if percent >= 70.0 {
            self.colour(Color::Yellow)
        } else {
            Style::new()
        }
    }
}

/// A piece of text.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Piece {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Style::new())
    }

    fn width(&self) -> u16 {
        width_of(&self.text)
    }
}

pub(super) fn width_of(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// A rectangle to draw in; the first row and column are 0.
pub(super) struct Pane<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
}

impl<'a> Pane<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, area: Rect) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area }
    }

    pub(super) fn width(&self) -> u16 {
        self.area.width
    }

    pub(super) fn height(&self) -> u16 {
        self.area.height
    }

    /// A part of it.
    pub(super) fn part(&mut self, row: u16, column: u16, width: u16, height: u16) -> Pane<'_> {
        let area = Rect {
            x: self.area.x.saturating_add(column),
            y: self.area.y.saturating_add(row),
            width,
            height,
        };
        Pane {
            area: area.intersection(self.area),
            buffer: self.buffer,
        }
    }

    /// Writes text and gives the column after it.
    pub(super) fn text(&mut self, row: u16, column: u16, text: &str, style: Style) -> u16 {
        if row >= self.area.height || column >= self.area.width {
            return column;
        }
        let room = usize::from(self.area.width - column);
        let (x, y) = (self.area.x + column, self.area.y + row);
        let (end, _) = self.buffer.set_stringn(x, y, text, room, style);
        end.saturating_sub(self.area.x)
    }

    fn piece(&mut self, row: u16, column: u16, piece: &Piece) -> u16 {
        self.text(row, column, &piece.text, piece.style)
    }

    /// Writes text that ends before the column `end`. Without room, its beginning is cut off.
    pub(super) fn text_until(&mut self, row: u16, end: u16, text: &str, style: Style) {
        let mut letters = text.chars();
        while width_of(letters.as_str()) > end && letters.next().is_some() {}
        let text = letters.as_str();
        self.text(row, end.saturating_sub(width_of(text)), text, style);
    }

    fn set(&mut self, row: u16, column: u16, symbol: char, style: Style) {
        if row >= self.area.height || column >= self.area.width {
            return;
        }
        let at = Position::new(self.area.x + column, self.area.y + row);
        if let Some(cell) = self.buffer.cell_mut(at) {
            cell.set_char(symbol).set_style(style);
        }
    }

    /// Blanks all of it.
    pub(super) fn clear(&mut self) {
        for row in 0..self.area.height {
            for column in 0..self.area.width {
                let at = Position::new(self.area.x + column, self.area.y + row);
                if let Some(cell) = self.buffer.cell_mut(at) {
                    cell.reset();
                }
            }
        }
    }

    pub(super) fn set_style(&mut self, style: Style) {
        self.buffer.set_style(self.area, style);
    }

    /// A rule over the whole width, with a title.
    pub(super) fn rule(&mut self, look: &Look, title: &str, note: &str) {
        for column in 0..self.width() {
            self.set(0, column, '─', look.quiet());
        }
        let end = self.text(0, 0, title, look.title());
        if !title.is_empty() {
            self.text(0, end, " ", Style::new());
        }
        let room = self.width().saturating_sub(end + 2);
        if !note.is_empty() && width_of(note) < room {
            self.text_until(0, self.width(), &format!(" {note}"), look.quiet());
        }
    }

    /// A bar of parts, in percent of the whole width. What is left of the width stays dotted.
    pub(super) fn bar(&mut self, look: &Look, parts: &[Portion]) {
        let width = self.width();
        let column_of = |percent: f64| {
            let column = (percent / 100.0 * f64::from(width)).round();
            // Casts of floats saturate, and what is no number becomes 0.
            (column as u16).min(width)
        };
        let mut begin = 0;
        let mut sum = 0.0;
        for part in parts {
            sum += part.percent.max(0.0);
            let end = column_of(sum).max(begin);
            let (symbol, style) = if look.has_colour {
                ('█', Style::new().fg(part.colour))
            } else {
                (part.symbol, Style::new())
            };
            for column in begin..end {
                self.set(0, column, symbol, style);
            }
            begin = end;
        }
        for column in begin..width {
            self.set(0, column, '·', look.quiet());
        }
    }

    /// A graph of values, the newest one at the right; `top` is as high as the graph.
    pub(super) fn graph(&mut self, values: &[Option<f32>], top: f32, style: Style) {
        const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let skipped = values.len().saturating_sub(usize::from(self.width()));
        let blank = usize::from(self.width()).saturating_sub(values.len());
        let height = self.height();
        for (at, value) in values.iter().skip(skipped).enumerate() {
            let (Some(value), Ok(column)) = (value, u16::try_from(blank + at)) else {
                continue;
            };
            let share = if top > 0.0 { value / top } else { 0.0 };
            let full = f32::from(height) * 8.0;
            // What is known to be nothing is a line at the bottom, and what is not known is blank.
            let eighths = (share * full).round().clamp(1.0, full.max(1.0)) as usize;
            for row in 0..height {
                let below = usize::from(height - 1 - row) * 8;
                let level = eighths.saturating_sub(below).min(8);
                if let Some(symbol) = EIGHTHS.get(level).filter(|_| level > 0) {
                    self.set(row, column, *symbol, style);
                }
            }
        }
    }

    /// Pieces one after the other, as many as fit into each row. Those that do not fit any more
    /// are left out.
    pub(super) fn flow(&mut self, pieces: &[Vec<Piece>], gap: u16) {
        let mut row = 0;
        let mut column = 0_u16;
        for piece in pieces {
            let width: u16 = piece.iter().map(Piece::width).fold(0, u16::saturating_add);
            if column > 0 && column.saturating_add(width) > self.width() {
                row += 1;
                column = 0;
            }
            if row >= self.height() {
                return;
            }
            for text in piece {
                column = self.piece(row, column, text);
            }
            column = column.saturating_add(gap);
        }
    }

    /// Pieces in one row, those at the left and those at the right. While they do not fit, that of
    /// the highest rank is left out.
    pub(super) fn ends(&mut self, left: Vec<(u8, Piece)>, right: Vec<(u8, Piece)>) {
        const GAP: u16 = 2;
        let mut sides = [left, right];
        let needed = |sides: &[Vec<(u8, Piece)>; 2]| {
            let pieces = sides.iter().flatten();
            pieces
                .map(|(_, piece)| piece.width().saturating_add(GAP))
                .fold(0, u16::saturating_add)
                .saturating_sub(GAP)
        };
        let count = |sides: &[Vec<(u8, Piece)>; 2]| sides.iter().map(Vec::len).sum::<usize>();
        while needed(&sides) > self.width() && count(&sides) > 1 {
            let ranks = sides.iter().flatten().map(|(rank, _)| *rank);
            let last = ranks.max().unwrap_or_default();
            let side = sides
                .iter_mut()
                .rev()
                .find_map(|side| Some((side.iter().rposition(|(rank, _)| *rank == last)?, side)));
            if let Some((at, side)) = side {
                side.remove(at);
            }
        }
        let [left, right] = sides;
        let mut column = 0;
        for (_, piece) in &left {
            column = self.piece(0, column, piece).saturating_add(GAP);
        }
        let mut end = self.width();
        for (_, piece) in right.iter().rev() {
            self.text_until(0, end, &piece.text, piece.style);
            end = end.saturating_sub(piece.width().saturating_add(GAP));
        }
    }

    /// A table under a rule that has the heads of its columns. Columns at the right that do not
    /// fit are left out.
    pub(super) fn table(&mut self, look: &Look, title: &str, columns: &[Column], rows: &[Row]) {
        let room = usize::from(self.height().saturating_sub(1));
        // The last row says how many more there are, but a single row is of more use itself.
        let shown = match room {
            room if rows.len() <= room => rows.len(),
            1 => 1,
            room => room.saturating_sub(1),
        };
        let title = if room == 1 && shown < rows.len() {
            format!("{title} 1 of {}", rows.len())
        } else {
            title.into()
        };
        let title = title.as_str();
        self.rule(look, title, "");
        let names = rows.iter().map(|row| width_of(&row.name)).max();
        let name = names.unwrap_or(0).max(width_of(title)).clamp(14, 24);
        let name = name.min(self.width());
        let mut room = self.width() - name;
        let mut count = 0;
        for column in columns {
            let Some(rest) = room.checked_sub(column.width.saturating_add(1)) else {
                break;
            };
            room = rest;
            count += 1;
        }
        let columns: Vec<&Column> = columns.iter().take(usize::from(count)).collect();
        // On wide screens the columns move apart, but not so far that rows cannot be followed.
        const MOST_EXTRA: u16 = 8;
        let each = room.checked_div(count).unwrap_or(0);
        let over = room.checked_rem(count).unwrap_or(0);
        let ends: Vec<u16> = (0..)
            .zip(&columns)
            .scan(name, |end, (at, column)| {
                // What cannot be shared out evenly goes to the first ones.
                let extra = (each + u16::from(at < over)).min(MOST_EXTRA);
                *end += 1 + extra + column.width;
                Some(*end)
            })
            .collect();
        for (column, end) in columns.iter().zip(&ends) {
            if !column.head.is_empty() {
                self.text_until(0, *end, &format!(" {}", column.head), look.title());
            }
        }
        for (row, line) in (1..).zip(rows.iter().take(shown)) {
            self.part(row, 0, name, 1)
                .text(0, 0, &line.name, Style::new());
            match &line.cells {
                Cells::Note(note) => {
                    self.text(row, name + 1, &note.text, note.style);
                }
                Cells::Values(values) => {
                    for (end, value) in ends.iter().zip(values) {
                        self.text_until(row, *end, &value.text, value.style);
                    }
                }
            }
        }
        if rows.len() > shown && room > 1 {
            let more = format!("and {} more", rows.len() - shown);
            let row = u16::try_from(shown + 1).unwrap_or(u16::MAX);
            self.text(row, 0, &more, look.quiet());
        }
    }
}

/// A part of a bar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portion {
    pub(super) percent: f64,
    /// What it is made of without colours.
    pub(super) symbol: char,
    pub(super) colour: Color,
}

/// A column of a table, besides the one of the names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) head: &'static str,
    pub(super) width: u16,
}

/// A row of a table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) cells: Cells,
}

#[derive(Clone, Debug)]
pub(super) enum Cells {
    Values(Vec<Piece>),
    /// Why there are none.
    Note(Piece),
}
