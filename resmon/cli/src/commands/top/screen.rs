// SPDX-License-Identifier: GPL-2.0-or-later

//! The screen of a state. Nothing here changes anything but the buffer of the screen.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use resmon::{CpuTimes, FileSystemState, Sample, Source};

use super::draw::{width_of, Cells, Column, Look, Pane, Piece, Portion, Row};
use super::format;
use super::layout::{layout, legend_rows, Counts, CpuGrid, Part};
use super::state::{Origin, Point, Sort, State, MODES};

/// Draws all of it.
pub(super) fn draw(buffer: &mut Buffer, state: &State, look: &Look) {
    let area = buffer.area;
    let sample = state.sample();
    let counts = sample.map_or(Counts::default(), |sample| Counts {
        cpus: sample.cpus.len(),
        disks: sample.disks.len(),
        nets: sample.nets.len(),
        file_systems: sample.file_systems.len(),
    });
    for (part, at) in layout(area, counts) {
        if at.is_empty() {
            continue;
        }
        let pane = Pane::new(buffer, at);
        match (part, sample) {
            (Part::Header, _) => header(pane, state, look),
            (Part::Status, _) => status(pane, state, look),
            (Part::Cpu, sample) => cpu(pane, sample, look),
            (Part::History, _) => history(pane, state, look),
            (Part::System, Some(sample)) => system(pane, sample, look),
            (Part::Memory, Some(sample)) => memory(pane, sample, look),
            (Part::Pressure, Some(sample)) => pressure(pane, sample, look),
            (Part::Disks, Some(sample)) => disks(pane, state, sample, look),
            (Part::Nets, Some(sample)) => nets(pane, state, sample, look),
            (Part::FileSystems, Some(sample)) => file_systems(pane, sample, look),
            (_, None) => (),
        }
    }
    if state.is_help_shown {
        help(Pane::new(buffer, area), look);
    }
}

/// When the sample was taken, and how well sampling goes.
fn header(mut pane: Pane<'_>, state: &State, look: &Look) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let position = if state.sample().is_none() {
        Piece::new("waiting", look.warning())
    } else if !state.is_following() && state.behind() > 0 {
        Piece::new(format!("{} back", state.behind()), look.warning())
    } else if !state.is_following() && state.origin == Origin::Device {
        Piece::new("paused", look.warning())
    } else if state.origin == Origin::Device {
        Piece::new("live", look.colour(Color::Green).patch(bold))
    } else if state.has_ended || state.is_once {
        Piece::new("recording", look.colour(Color::Blue).patch(bold))
    } else {
        Piece::new("reading", look.colour(Color::Blue).patch(bold))
    };
    let mut left = vec![(9, Piece::new("resmon", look.title()))];
    let mut right = Vec::new();
    if let Some(sample) = state.sample() {
        let time = format::time(sample.time_s, sample.interval_s, &look.zone);
        let counter = |name: &str, count: u64| {
            let style = if count == 0 {
                look.quiet()
            } else {
                look.warning()
            };
            Piece::new(format!("{name} {count}"), style)
        };
        left.push((1, Piece::new(time, bold)));
        left.push((5, Piece::plain(format!("#{}", sample.seq))));
        let every = format!("every {}", format::interval(sample.interval_s));
        left.push((2, Piece::plain(every)));
        right.push((8, counter("late", sample.late_samples)));
        right.push((7, counter("missed", sample.missed_ticks)));
        right.push((6, counter("lost", state.lost_records)));
    }
    right.push((3, position));
    pane.ends(left, right);
}

/// What the keys do, or what there is to tell.
fn status(mut pane: Pane<'_>, state: &State, look: &Look) {
    let mut left = Vec::new();
    if let Some(note) = &state.note {
        pane.text(0, 0, note, look.warning());
        return;
    }
    match state.sample() {
        Some(sample) if !sample.incomplete.is_empty() => {
            let names: Vec<_> = sample
                .incomplete
                .iter()
                .map(|source| source.name())
                .collect();
            let names = names.join(", ");
            left.push((0, Piece::new(format!("stale: {names}"), look.warning())));
        }
        Some(_) => (),
        None => {
            let text = if state.has_ended || state.is_once {
                "There is no sample: one needs two records."
            } else {
                "Waiting for the first sample, which needs two records."
            };
            left.push((0, Piece::new(text, look.warning())));
        }
    }
    let keys: [(u8, &str, &str); 8] = [
        (1, "q", "quit"),
        (2, "?", "help"),
        (3, "space", "pause"),
        (4, "←→", "time"),
        (5, "s", "sort"),
        (6, "+-", "interval"),
        (7, "z", "zoom"),
        (8, "r", "reread"),
    ];
    for (rank, key, what) in keys {
        left.push((rank, Piece::new(format!("{key} {what}"), look.quiet())));
    }
    pane.ends(left, Vec::new());
}

/// The symbol and the colour of a mode, by its place in [`MODES`].
const LOOKS: [(char, Color); 7] = [
    ('█', Color::Green),
    ('▚', Color::Blue),
    ('▓', Color::Red),
    ('▒', Color::Magenta),
    ('■', Color::LightBlue),
    ('×', Color::Cyan),
    ('░', Color::Yellow),
];

fn portions(times: &CpuTimes) -> Vec<Portion> {
    let looks = MODES.iter().zip(LOOKS);
    looks
        .map(|(mode, (symbol, colour))| Portion {
            percent: (mode.percent)(times),
            symbol,
            colour,
        })
        .collect()
}

/// A labelled bar with a value at its end.
fn gauge(mut pane: Pane<'_>, look: &Look, label: &str, parts: &[Portion], value: &Piece) {
    const LABEL: u16 = 4;
    const VALUE: u16 = 6;
    let width = pane.width();
    pane.text(0, 0, label, Style::new());
    let label = LABEL.max(width_of(label).saturating_add(1));
    let bar = width.saturating_sub(label + VALUE + 1);
    pane.part(0, label, bar, 1).bar(look, parts);
    if bar > 0 {
        pane.text_until(0, width, &value.text, value.style);
    }
}

fn cpu_gauge(pane: Pane<'_>, look: &Look, label: &str, times: &CpuTimes) {
    let busy = times.busy_percent();
    let value = Piece::new(format!("{}%", format::percent(busy)), look.level(busy));
    gauge(pane, look, label, &portions(times), &value);
}

fn cpu(mut pane: Pane<'_>, sample: Option<&Sample>, look: &Look) {
    let cpus = sample.map_or(0, |sample| sample.cpus.len());
    let note = match cpus {
        0 => String::new(),
        1 => "1 online".into(),
        cpus => format!("{cpus} online"),
    };
    let width = pane.width();
    let all = sample.and_then(|sample| sample.cpu);
    if let (1, Some(times)) = (pane.height(), &all) {
        cpu_gauge(pane, look, "cpu", times);
        return;
    }
    pane.rule(look, "CPU", &note);
    let Some(sample) = sample else {
        return;
    };
    match &all {
        Some(times) => cpu_gauge(pane.part(1, 0, width, 1), look, "all", times),
        None => {
            pane.text(1, 0, "all -", look.quiet());
        }
    }

    // At least one row of CPUs before the legend, and no gap between them.
    let rest = pane.height().saturating_sub(2);
    let legend_height = legend_rows(width).min(rest.saturating_sub(1));
    let grid = CpuGrid::fitting(cpus, width, rest - legend_height);
    let column_width = width / grid.columns;
    for (at, cpu) in sample.cpus.iter().take(grid.shown).enumerate() {
        let (Some(row), Some(column)) = (place(at, grid.rows, true), place(at, grid.rows, false))
        else {
            break;
        };
        // A blank column keeps the bars apart; the last one goes to the edge.
        let is_last = column + 1 == grid.columns;
        let gap = if is_last { 0 } else { 2 };
        let room = if is_last {
            width - column_width * column
        } else {
            column_width
        };
        let pane = pane.part(2 + row, column_width * column, room.saturating_sub(gap), 1);
        cpu_gauge(pane, look, &format!("{:>3}", cpu.id), &cpu.times);
    }
    if grid.shown < cpus {
        let more = format!("and {} more", cpus - grid.shown);
        match (
            place(grid.shown, grid.rows, true),
            place(grid.shown, grid.rows, false),
        ) {
            (Some(row), Some(column)) => {
                pane.text(2 + row, column_width * column, &more, look.quiet());
            }
            // Without a row for them, the rule has to say it.
            _ => pane.rule(look, "CPU", &format!("all together, and {cpus} more")),
        }
    }
    let used_rows = if grid.columns > 1 {
        grid.rows
    } else {
        u16::try_from(cpus).unwrap_or(u16::MAX).min(grid.rows)
    };
    if let Some(times) = &all {
        let pieces: Vec<Vec<Piece>> = MODES
            .iter()
            .zip(LOOKS)
            .filter(|(mode, _)| {
                // Few machines have guests.
                mode.name != "guest" || (mode.percent)(times) > 0.0
            })
            .map(|(mode, (symbol, colour))| {
                let symbol = if look.has_colour { '█' } else { symbol };
                vec![
                    Piece::new(symbol, look.colour(colour)),
                    Piece::new(format!(" {} ", mode.name), look.quiet()),
                    Piece::plain(format::percent((mode.percent)(times))),
                ]
            })
            .collect();
        pane.part(2 + used_rows, 0, width, legend_height)
            .flow(&pieces, 2);
    }
}

/// The row, or the column, of the thing number `at` when columns are filled one after the other.
fn place(at: usize, rows: u16, is_row: bool) -> Option<u16> {
    let rows = usize::from(rows);
    let place = if is_row {
        at.checked_rem(rows)
    } else {
        at.checked_div(rows)
    };
    u16::try_from(place?).ok()
}

/// A graph of the history.
struct Graph {
    label: &'static str,
    of: fn(&Point) -> f32,
    /// The unit of the value, and how high the graph is; rates have no limit.
    unit: &'static str,
    top: Option<f32>,
    colour: Color,
}

const GRAPHS: [Graph; 4] = [
    Graph {
        label: "cpu",
        of: |point| point.cpu_percent,
        unit: "%",
        top: Some(100.0),
        colour: Color::Green,
    },
    Graph {
        label: "mem",
        of: |point| point.memory_percent,
        unit: "%",
        top: Some(100.0),
        colour: Color::Blue,
    },
    Graph {
        label: "disk",
        of: |point| point.disk_bytes_per_second,
        unit: "/s",
        top: None,
        colour: Color::Yellow,
    },
    Graph {
        label: "net",
        of: |point| point.net_bytes_per_second,
        unit: "/s",
        top: None,
        colour: Color::Magenta,
    },
];

const GRAPH_LABEL: u16 = 5;
const GRAPH_VALUE: u16 = 8;

fn history(mut pane: Pane<'_>, state: &State, look: &Look) {
    let (width, rows) = (pane.width(), pane.height().saturating_sub(1));
    // Four graphs of two rows say less than two times two of four.
    let is_grid = width >= 100 && rows >= 6;
    let columns = if is_grid { 2 } else { 1 };
    let graph_width = (width / columns).saturating_sub(if is_grid { 1 } else { 0 });
    let height = (rows * columns / 4).max(1);
    let plot = graph_width.saturating_sub(GRAPH_LABEL + GRAPH_VALUE + 1);
    let note = match state.span_s(usize::from(plot)) {
        Some(span) if state.samples_per_column() > 1 => {
            format!("{} ({}×)", span_text(span), state.samples_per_column())
        }
        Some(span) => span_text(span),
        None => String::new(),
    };
    pane.rule(look, "History", &note);
    for (at, graph) in (0_u16..).zip(&GRAPHS) {
        let (row, column) = (at / columns * height, at % columns * (graph_width + 2));
        let pane = pane.part(1 + row, column, graph_width, height);
        // Rows below the last graph stay blank.
        if row + height <= rows {
            draw_graph(pane, state, look, graph);
        }
    }
}

fn span_text(span_s: f64) -> String {
    let whole = span_s.round();
    if span_s < 10.0 {
        format!("{span_s:.1} s")
    } else if whole < 120.0 {
        format!("{whole:.0} s")
    } else if whole < 7200.0 {
        format!("{:.0} min", whole / 60.0)
    } else {
        format!("{:.0} h", whole / 3600.0)
    }
}

fn draw_graph(mut pane: Pane<'_>, state: &State, look: &Look, graph: &Graph) {
    let width = pane.width().saturating_sub(GRAPH_LABEL + GRAPH_VALUE + 1);
    let values = state.graph(usize::from(width), graph.of);
    let known = values.iter().copied().flatten();
    let largest = known.fold(0.0, f32::max);
    let number = |value: f32| match graph.top {
        Some(_) => format!("{}{}", format::percent(value.into()), graph.unit),
        None => format!("{}{}", format::bytes(value.into()), graph.unit),
    };
    // With several samples per column the last column is not the sample that is shown.
    let now = state.sample_point().map(graph.of);
    let now = now.filter(|value| value.is_finite());
    let style = look.colour(graph.colour);
    pane.text(0, 0, graph.label, Style::new());
    pane.part(0, GRAPH_LABEL, width, pane.height()).graph(
        &values,
        graph.top.unwrap_or(largest),
        style,
    );
    let end = pane.width();
    if width > 0 {
        pane.text_until(0, end, &now.map_or("-".into(), number), Style::new());
    }
    if pane.height() >= 3 && width > 0 {
        pane.text_until(1, end, "peak", look.quiet());
        pane.text_until(2, end, &number(largest), look.quiet());
    }
}

/// The load and what the kernel counts besides.
fn system(mut pane: Pane<'_>, sample: &Sample, look: &Look) {
    let mut pieces = Vec::new();
    let mut add = |label: &str, value: String| {
        pieces.push(vec![
            Piece::new(format!("{label} "), look.quiet()),
            Piece::plain(value),
        ]);
    };
    match &sample.load {
        Some(load) => add(
            "load 1, 5, 15 min",
            format!(
                "{:.2}  {:.2}  {:.2}",
                load.one_minute, load.five_minutes, load.fifteen_minutes
            ),
        ),
        None => add("load", "-".into()),
    }
    match &sample.activity {
        Some(activity) => {
            add("irq/s", format::count(activity.interrupts_per_second));
            add(
                "softirq/s",
                format::count(activity.soft_interrupts_per_second),
            );
            add("faults/s", format::count(activity.faults_per_second));
            add("major/s", format::count(activity.major_faults_per_second));
            add("oom", activity.oom_kills.to_string());
        }
        None => add("irq/s, faults/s", "-".into()),
    }
    pane.flow(&pieces, 2);
}

fn memory(mut pane: Pane<'_>, sample: &Sample, look: &Look) {
    let width = pane.width();
    let total = sample.memory.map(|memory| memory.total_bytes);
    let note = total.map_or(String::new(), |total| {
        format!("{} in all", format::bytes(total as f64))
    });
    // A single row is for the bar.
    let top = u16::from(pane.height() > 1);
    if top > 0 {
        pane.rule(look, "Memory", &note);
    }
    match &sample.memory {
        Some(memory) => {
            let share = |bytes: u64| {
                let total = memory.total_bytes.max(1);
                bytes as f64 / total as f64 * 100.0
            };
            // What is available and not free can be had back from caches.
            let cache = memory.available_bytes.saturating_sub(memory.free_bytes);
            let parts = [
                Portion {
                    percent: memory.used_percent(),
                    symbol: '█',
                    colour: Color::Blue,
                },
                Portion {
                    percent: share(cache),
                    symbol: '░',
                    colour: Color::Cyan,
                },
            ];
            let used = memory.used_percent();
            let value = Piece::new(format!("{}%", format::percent(used)), look.level(used));
            gauge(pane.part(top, 0, width, 1), look, "mem", &parts, &value);
            let piece = |symbol, colour, name: &str, bytes: u64| {
                let symbol = if look.has_colour && symbol == '░' {
                    '█'
                } else {
                    symbol
                };
                vec![
                    Piece::new(symbol, look.colour(colour)),
                    Piece::new(format!(" {name} "), look.quiet()),
                    Piece::plain(format::bytes(bytes as f64)),
                ]
            };
            let pieces = [
                piece('█', Color::Blue, "used", memory.used_bytes),
                piece('░', Color::Cyan, "cache", cache),
                piece('·', Color::DarkGray, "free", memory.free_bytes),
            ];
            pane.part(top + 1, 0, width, 1).flow(&pieces, 2);
        }
        None => {
            pane.text(top, 0, "mem -", look.quiet());
        }
    }
    let rate = |bytes: Option<f64>| {
        bytes.map_or("-".into(), |bytes| format!("{}/s", format::bytes(bytes)))
    };
    let swap = match &sample.swap {
        Some(swap) if swap.free_bytes == 0 => "none free, or no swap".into(),
        Some(swap) => format!(
            "{} free  in {}  out {}",
            format::bytes(swap.free_bytes as f64),
            rate(swap.in_bytes_per_second),
            rate(swap.out_bytes_per_second)
        ),
        None => "-".into(),
    };
    let end = pane.text(top + 2, 0, "swap ", Style::new());
    pane.text(top + 2, end, &swap, look.quiet());
}

fn pressure(mut pane: Pane<'_>, sample: &Sample, look: &Look) {
    let width = pane.width();
    const VALUE: u16 = 7;
    if let (1, Some(pressure)) = (pane.height(), &sample.pressure) {
        let piece = |name, some| {
            let percent = format!("{name} {}%", format::percent(some));
            vec![Piece::new(percent, look.level(some))]
        };
        let pieces = [
            vec![Piece::new("pressure", look.quiet())],
            piece("cpu", pressure.cpu_some_percent),
            piece("mem", pressure.memory_some_percent),
            piece("io", pressure.io_some_percent),
        ];
        pane.flow(&pieces, 1);
        return;
    }
    pane.rule(look, "Pressure", "");
    let Some(pressure) = &sample.pressure else {
        let note = if sample.incomplete.contains(&Source::Pressure) {
            "no answer in time"
        } else {
            "-  this kernel does not measure it"
        };
        pane.text(1, 0, note, look.quiet());
        return;
    };
    pane.text_until(0, width, " full", look.title());
    pane.text_until(0, width.saturating_sub(VALUE), " some", look.title());
    let rows = [
        ("cpu", pressure.cpu_some_percent, None),
        (
            "mem",
            pressure.memory_some_percent,
            Some(pressure.memory_full_percent),
        ),
        (
            "io",
            pressure.io_some_percent,
            Some(pressure.io_full_percent),
        ),
    ];
    for (row, (name, some, full)) in (1..).zip(rows) {
        // Where all are held up, some are.
        let full_percent = full.unwrap_or(0.0);
        let parts = [
            Portion {
                percent: full_percent,
                symbol: '█',
                colour: Color::Red,
            },
            Portion {
                percent: some - full_percent,
                symbol: '▒',
                colour: Color::Yellow,
            },
        ];
        let value = Piece::new(format!("{}%", format::percent(some)), look.level(some));
        let line = pane.part(row, 0, width.saturating_sub(VALUE), 1);
        gauge(line, look, name, &parts, &value);
        let text = full.map_or("-".into(), |full| format!("{}%", format::percent(full)));
        pane.text_until(row, width, &text, look.level(full_percent));
    }
}

/// The only row of a table that would be empty.
fn nothing(sample: &Sample, kind: Source, text: &str, look: &Look) -> Vec<Row> {
    let text = if sample.incomplete.contains(&kind) {
        "no answer in time"
    } else {
        text
    };
    vec![Row {
        name: "-".into(),
        cells: Cells::Note(Piece::new(text, look.quiet())),
    }]
}

/// Zero is quiet, so that what happens stands out.
fn value(text: String, look: &Look) -> Piece {
    if text == "0" || text == "-" || text == "0.0" {
        Piece::new(text, look.quiet())
    } else {
        Piece::plain(text)
    }
}

fn sorted(title: &str, sort: Sort) -> String {
    match sort {
        Sort::Busiest => format!("{title} ↓busiest"),
        Sort::Name => format!("{title} ↓name"),
    }
}

fn disks(mut pane: Pane<'_>, state: &State, sample: &Sample, look: &Look) {
    const COLUMNS: [Column; 7] = [
        column("busy", 6),
        column("read/s", 8),
        column("write/s", 8),
        column("reads", 7),
        column("writes", 7),
        column("await ms", 9),
        column("queue", 6),
    ];
    let rows = state.disks().into_iter().map(|disk| Row {
        name: disk.name.clone(),
        cells: Cells::Values(vec![
            Piece::new(
                format!("{}%", format::percent(disk.busy_percent)),
                look.level(disk.busy_percent),
            ),
            value(format::bytes(disk.read_bytes_per_second), look),
            value(format::bytes(disk.written_bytes_per_second), look),
            value(format::count(disk.reads_per_second), look),
            value(format::count(disk.writes_per_second), look),
            value(format::milliseconds(disk.await_ms), look),
            value(format::count(disk.in_flight as f64), look),
        ]),
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        rows = nothing(sample, Source::Disk, "no disk is in use", look);
    }
    pane.table(look, &sorted("Disks", state.sort), &COLUMNS, &rows);
}

fn nets(mut pane: Pane<'_>, state: &State, sample: &Sample, look: &Look) {
    const COLUMNS: [Column; 6] = [
        column("in/s", 7),
        column("out/s", 8),
        column("packets in", 11),
        column("out", 7),
        column("errors", 8),
        column("drops", 8),
    ];
    let rows = state.nets().into_iter().map(|net| {
        let (rx, tx) = (&net.received, &net.transmitted);
        let bad = |rate: f64| {
            let style = if rate > 0.0 {
                look.warning()
            } else {
                look.quiet()
            };
            Piece::new(format::count(rate), style)
        };
        Row {
            name: net.name.clone(),
            cells: Cells::Values(vec![
                value(format::bytes(rx.bytes_per_second), look),
                value(format::bytes(tx.bytes_per_second), look),
                value(format::count(rx.packets_per_second), look),
                value(format::count(tx.packets_per_second), look),
                bad(rx.errors_per_second + tx.errors_per_second),
                bad(rx.drops_per_second + tx.drops_per_second),
            ]),
        }
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        rows = nothing(sample, Source::Net, "no network interface", look);
    }
    pane.table(look, &sorted("Networks", state.sort), &COLUMNS, &rows);
}

fn file_systems(mut pane: Pane<'_>, sample: &Sample, look: &Look) {
    const BAR: u16 = 14;
    const COLUMNS: [Column; 7] = [
        column("full", 6),
        column("", BAR),
        column("used", 6),
        column("size", 6),
        column("free", 6),
        column("inodes", 7),
        column("type", 8),
    ];
    let rows = sample.file_systems.iter().map(|fs| {
        let note = |text: String, style| Cells::Note(Piece::new(text, style));
        let cells = match &fs.state {
            FileSystemState::Mounted(usage) => {
                let style = look.level(usage.used_percent);
                let full = usage.used_percent / 100.0 * f64::from(BAR);
                let full = usize::from((full.round() as u16).min(BAR));
                let bar = "█".repeat(full) + &"·".repeat(usize::from(BAR) - full);
                let percent = |percent: f64| format!("{percent:.0}%");
                let inodes = if usage.inodes == 0 {
                    // Some file systems make inodes as they need them.
                    "-".into()
                } else {
                    percent(usage.inodes_used_percent)
                };
                Cells::Values(vec![
                    Piece::new(percent(usage.used_percent), style),
                    Piece::new(bar, style.patch(look.colour(Color::Blue))),
                    value(format::bytes(usage.used_bytes as f64), look),
                    value(format::bytes(usage.size_bytes as f64), look),
                    value(format::bytes(usage.available_bytes as f64), look),
                    value(inodes, look),
                    Piece::new(usage.kind.clone(), look.quiet()),
                ])
            }
            FileSystemState::Absent => note("-  nothing is there".into(), look.quiet()),
            FileSystemState::Failed { errno } => {
                let errno = i32::try_from(*errno).unwrap_or(0);
                let error = std::io::Error::from_raw_os_error(errno);
                note(format!("-  {error}"), look.warning())
            }
            FileSystemState::Stale => note("-  no answer in time".into(), look.warning()),
            _ => note("-".into(), look.quiet()),
        };
        Row {
            name: fs.path.clone(),
            cells,
        }
    });
    let mut rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        rows = nothing(sample, Source::Fs, "no path is watched", look);
    }
    pane.table(look, "File systems", &COLUMNS, &rows);
}

const fn column(head: &'static str, width: u16) -> Column {
    Column { head, width }
}

/// What the keys do, over all the rest.
fn help(mut pane: Pane<'_>, look: &Look) {
    const LINES: [(&str, &str); 17] = [
        ("q  Esc  Ctrl-C", "quit"),
        ("space", "hold this sample, or follow the newest"),
        ("←  →", "the sample before, the one after"),
        ("PgUp  PgDn", "60 samples back, forward"),
        ("Home  End", "the oldest sample, the newest"),
        ("s", "order disks and networks: busiest, name"),
        ("z", "more samples in a column of the graphs"),
        ("+  -", "longer or shorter interval, for all"),
        ("r", "read again all that is kept"),
        ("?", "this help"),
        ("Ctrl-Z", "stop, until fg"),
        ("", ""),
        ("", "Sizes are in powers of 1024, rates per second."),
        ("", "A graph's column of several samples is their peak."),
        ("", "Pressure: tasks that wait, some or all of them."),
        ("", "The graph of networks leaves out lo."),
        ("", "Late and missed samples: since the module was loaded."),
    ];
    const WIDTH: u16 = 60;
    let height = u16::try_from(LINES.len() + 2).unwrap_or(u16::MAX);
    let row = pane.height().saturating_sub(height) / 2;
    let column = pane.width().saturating_sub(WIDTH) / 2;
    let mut pane = pane.part(row, column, WIDTH, height);
    pane.clear();
    pane.set_style(Style::new().add_modifier(Modifier::REVERSED));
    pane.text(
        0,
        2,
        "Keys of resmon top",
        Style::new().add_modifier(Modifier::BOLD),
    );
    for (row, (key, what)) in (1..).zip(LINES) {
        if key.is_empty() {
            pane.text(row, 2, what, Style::new());
        } else {
            pane.text(row, 2, key, look.title());
            pane.text(row, 18, what, Style::new());
        }
    }
}
