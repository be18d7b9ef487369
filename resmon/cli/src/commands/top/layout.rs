// SPDX-License-Identifier: GPL-2.0-or-later

//! Which part of the screen goes where.

#[cfg(test)]
mod tests;

use ratatui::layout::Rect;

/// A part of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Header,
    Cpu,
    History,
    System,
    Memory,
    Pressure,
    Tasks,
    Disks,
    Nets,
    FileSystems,
    Status,
}

/// How many rows the tables would like to have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) cpus: usize,
    pub(super) disks: usize,
    pub(super) nets: usize,
    pub(super) file_systems: usize,
    /// The most tasks that there can be; 0 where there never are any.
    pub(super) tasks: usize,
}

/// From this width on, two parts stand side by side.
const WIDE: u16 = 76;

/// With more CPUs than this, their bars need the whole width.
const MANY_CPUS: usize = 8;

/// Rows of tasks that come before the tables of devices, which are one row each then, and as many as
/// they are content with.
const FIRST_TASK_ROWS: u16 = 8;
const TASK_ROWS: u16 = 12;

/// The graphs of the history, and the rule above them.
const HISTORY_ROWS: u16 = 5;

/// The narrowest column of CPUs.
const CPU_COLUMNS: u16 = 20;

/// One part of the screen, or two side by side.
#[derive(Clone, Copy, Debug)]
struct Band {
    part: Part,
    beside: Option<Part>,
    /// With fewer rows it would say nothing.
    least: u16,
    /// With more rows it would say no more.
    most: u16,
    /// The lowest ones are there on the smallest screens.
    rank: u16,
    /// Up to so many rows it comes before what others have beyond theirs.
    first: u16,
}

const fn band(part: Part, rank: u16, least: u16, most: u16) -> Band {
    Band {
        part,
        beside: None,
        least,
        most,
        rank,
        first: most,
    }
}

impl Band {
    /// How many rows it would like to have; the graphs and tasks are content with few.
    fn wanted(&self) -> u16 {
        match self.part {
            Part::History => self.least,
            Part::Tasks => self.most.min(TASK_ROWS),
            _ => self.most,
        }
    }

    /// Has it come before others only as long as it has fewer rows.
    const fn first(self, first: u16) -> Self {
        Self { first, ..self }
    }

    const fn beside(self, part: Part) -> Self {
        Self {
            beside: Some(part),
            ..self
        }
    }
}

/// Where the parts go. They do not overlap, and are within `area`.
pub(super) fn layout(area: Rect, counts: Counts) -> Vec<(Part, Rect)> {
    let mut bands = stacked(area.width, counts);
    // Beside the CPUs the graphs are narrow, and what is below the tables may stay empty.
    let fits = bands.iter().map(Band::wanted).fold(0, u16::saturating_add) <= area.height;
    if area.width >= WIDE && counts.cpus <= MANY_CPUS && !fits {
        bands = side_by_side(area.width, counts);
    }
    place(area, &share(area.height, &bands))
}

/// All parts one below the other, with the graphs at the end.
fn stacked(width: u16, counts: Counts) -> Vec<Band> {
    /// Higher graphs show no more.
    const MOST: u16 = 4 * 12;
    let is_wide = width >= WIDE;
    let mut bands = vec![
        band(Part::Header, 0, 1, 1),
        band(Part::Cpu, 2, 1, cpu_rows(width, counts)),
        band(Part::System, 8, 1, if is_wide { 1 } else { 3 }),
    ];
    bands.extend(middle(width, counts));
    bands.push(band(Part::History, 7, HISTORY_ROWS, 1 + MOST));
    bands.push(band(Part::Status, 1, 1, 1));
    bands
}

/// The graphs beside the CPUs.
fn side_by_side(width: u16, counts: Counts) -> Vec<Band> {
    // Below the graphs there are 3 rows of numbers.
    let rows = cpu_rows(width / 2, counts).max(HISTORY_ROWS + 3);
    let mut bands = vec![
        band(Part::Header, 0, 1, 1),
        band(Part::Cpu, 2, 1, rows).beside(Part::History),
    ];
    bands.extend(middle(width, counts));
    bands.push(band(Part::Status, 1, 1, 1));
    bands
}

fn middle(width: u16, counts: Counts) -> Vec<Band> {
    let table = |count: usize| 1 + u16::try_from(count.max(1)).unwrap_or(u16::MAX - 1);
    let memory = band(Part::Memory, 3, 1, 4);
    let mut bands = if width >= WIDE {
        vec![memory.beside(Part::Pressure)]
    } else {
        vec![memory, band(Part::Pressure, 10, 2, 4)]
    };
    let tables = [
        band(Part::Disks, 5, 2, table(counts.disks)),
        band(Part::Nets, 6, 2, table(counts.nets)),
        band(Part::FileSystems, 9, 2, table(counts.file_systems)),
    ];
    if counts.tasks == 0 {
        bands.extend(tables);
        return bands;
    }
    // Below them is what came and went.
    let most = table(counts.tasks).saturating_add(1);
    bands.push(band(Part::Tasks, 4, 2, most).first(FIRST_TASK_ROWS));
    bands.extend(tables.map(|table| Band {
        least: 1,
        ..table.first(1)
    }));
    bands
}

/// The rule, all CPUs together, each of them, and what the bars are made of.
fn cpu_rows(width: u16, counts: Counts) -> u16 {
    let cpus = CpuGrid::wanted(counts.cpus, width).rows;
    cpus.saturating_add(2).saturating_add(legend_rows(width))
}

/// How many rows each band gets.
fn share(height: u16, bands: &[Band]) -> Vec<(Band, u16)> {
    let mut left = height;
    let mut shares: Vec<(Band, u16)> = bands.iter().map(|band| (*band, 0)).collect();
    let mut by_rank: Vec<&mut (Band, u16)> = shares.iter_mut().collect();
    by_rank.sort_by_key(|(band, _)| band.rank);
    for (band, rows) in &mut by_rank {
        if band.least <= left {
            *rows = band.least;
            left -= band.least;
        }
    }
    // A third of the screen is for the CPUs, if there are so many.
    if let Some((band, rows)) = by_rank.iter_mut().find(|(band, _)| band.part == Part::Cpu) {
        let more = band.most.min(height / 3).saturating_sub(*rows).min(left);
        *rows += more;
        left -= more;
    }
    // One row each, so that many disks leave something to many networks. The history takes what
    // nobody else wants, since it can be of any size.
    let most: [fn(&Band) -> u16; 3] = [
        |band| match band.part {
            Part::History => 0,
            _ => band.most.min(band.first),
        },
        |band| match band.part {
            Part::History => 0,
            _ => band.most,
        },
        |band| band.most,
    ];
    for most in most {
        loop {
            let before = left;
            for (band, rows) in &mut by_rank {
                if *rows > 0 && *rows < most(band) && left > 0 {
                    *rows += 1;
                    left -= 1;
                }
            }
            if left == before {
                break;
            }
        }
    }
    shares
}

fn place(area: Rect, shares: &[(Band, u16)]) -> Vec<(Part, Rect)> {
    let mut places = Vec::new();
    let mut top = area.top();
    for (band, rows) in shares {
        let mut at = Rect::new(area.x, top, area.width, *rows);
        top = top.saturating_add(*rows);
        if band.part == Part::Status {
            // It stays at the bottom, whatever is empty above.
            at.y = at.y.max(area.bottom().saturating_sub(*rows));
        }
        let Some(beside) = band.beside else {
            places.push((band.part, at));
            continue;
        };
        let half = at.width / 2;
        let right = Rect {
            x: at.x + half,
            width: at.width - half,
            ..at
        };
        // A blank column keeps the halves apart.
        let left = Rect {
            width: half.saturating_sub(1),
            ..at
        };
        places.push((band.part, left));
        if beside == Part::History {
            let rows = right.height.min(HISTORY_ROWS);
            places.push((
                beside,
                Rect {
                    height: rows,
                    ..right
                },
            ));
            places.push((
                Part::System,
                Rect {
                    y: right.y + rows,
                    height: right.height - rows,
                    ..right
                },
            ));
        } else {
            places.push((beside, right));
        }
    }
    places
}

/// The rows that explain the bars of the CPUs.
pub(super) fn legend_rows(width: u16) -> u16 {
    if width >= WIDE {
        1
    } else {
        2
    }
}

/// How CPUs are laid out: down the first column, then down the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CpuGrid {
    pub(super) columns: u16,
    pub(super) rows: u16,
    /// How many CPUs are shown.
    pub(super) shown: usize,
}

impl CpuGrid {
    /// The fewest columns with which so many CPUs fit, or as many CPUs as fit.
    pub(super) fn fitting(cpus: usize, width: u16, rows: u16) -> Self {
        let most = (width / CPU_COLUMNS).max(1);
        let columns = (1..=most)
            .find(|columns| usize::from(*columns) * usize::from(rows) >= cpus)
            .unwrap_or(most);
        let room = usize::from(columns) * usize::from(rows);
        Self {
            columns,
            rows,
            // The last place says how many more there are.
            shown: if cpus > room {
                room.saturating_sub(1)
            } else {
                cpus
            },
        }
    }

    /// What so many CPUs would like to have: few columns, but no more than 8 rows if that can be.
    fn wanted(cpus: usize, width: u16) -> Self {
        const ROWS: usize = 8;
        let most = usize::from((width / CPU_COLUMNS).max(1));
        let columns = cpus.div_ceil(ROWS).clamp(1, most);
        let rows = u16::try_from(cpus.div_ceil(columns)).unwrap_or(u16::MAX);
        Self::fitting(cpus, width, rows)
    }
}
