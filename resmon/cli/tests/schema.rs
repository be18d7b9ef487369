// SPDX-License-Identifier: GPL-2.0-or-later

//! schema/sample.schema.json is made of the columns of the library; what is no number is described
//! here. `UPDATE=1 cargo test --test schema` writes it.

#![allow(clippy::unwrap_used)]

mod util;

use resmon::columns::{Column, SampleColumn, Unit};
use resmon::{
    CpuTimes, Disk, EventState, EventUnit, NetDirection, OomKill, OomOutcome, Sample, Source, Task,
    Usage,
};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{json, Value};

/// An object of JSON that keeps its order.
struct Object(Vec<(String, Node)>);

enum Node {
    Value(Value),
    Object(Object),
    List(Vec<Object>),
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, node) in &self.0 {
            map.serialize_entry(name, node)?;
        }
        map.end()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
            Self::List(objects) => objects.serialize(serializer),
        }
    }
}

impl Object {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.push((name.into(), Node::Value(value.into())));
        self
    }

    fn with_object(mut self, name: &str, object: Self) -> Self {
        self.0.push((name.into(), Node::Object(object)));
        self
    }
}

/// A schema with a description.
fn described(help: &str) -> Object {
    Object::new().with("description", help)
}

/// A schema of a type, which may be null if `is_optional`.
fn typed(help: &str, name: &str, is_optional: bool) -> Object {
    described(help).with(
        "type",
        match is_optional {
            true => json!([name, "null"]),
            false => json!(name),
        },
    )
}

fn number(help: &str, unit: Unit, is_whole: bool, is_optional: bool) -> Object {
    let name = if is_whole { "integer" } else { "number" };
    let schema = typed(help, name, is_optional).with("minimum", 0);
    match unit {
        Unit::Percent => schema.with("maximum", 100),
        _ => schema,
    }
}

/// The properties of an object, all of them required.
#[derive(Default)]
struct Properties(Vec<(String, Node)>);

impl Properties {
    fn with(mut self, name: &str, schema: Object) -> Self {
        self.0.push((name.into(), Node::Object(schema)));
        self
    }

    fn columns<T>(self, columns: &[Column<T>]) -> Self {
        columns.iter().fold(self, |properties, column| {
            let (is_whole, is_optional) = (column.field.is_whole(), column.field.is_optional());
            let schema = number(column.help, column.unit, is_whole, is_optional);
            properties.with(column.name, schema)
        })
    }

    fn sample_columns(self, columns: &[SampleColumn]) -> Self {
        columns.iter().fold(self, |properties, column| {
            let schema = number(
                column.help,
                column.unit,
                column.is_whole,
                column.is_optional,
            );
            properties.with(column.field, schema)
        })
    }

    /// Adds them to the schema of an object.
    fn of(self, schema: Object) -> Object {
        let names: Vec<_> = self.0.iter().map(|(name, _)| name.clone()).collect();
        schema
            .with_object("properties", Object(self.0))
            .with("required", names)
            .with("additionalProperties", false)
    }

    /// The schema of a list of objects with these properties.
    fn list(self, help: &str) -> Object {
        typed(help, "array", false)
            .with_object("items", self.of(Object::new().with("type", "object")))
    }
}

fn direction() -> Object {
    let help = "What an interface carried in one direction.";
    Properties::default()
        .columns(NetDirection::COLUMNS)
        .of(typed(help, "object", false))
}

fn file_systems() -> Object {
    let state = |help: &str, name: &str, what: &str| {
        let path = "The path, as the parameter fs_paths has it.";
        let properties = Properties::default()
            .with("path", typed(path, "string", false))
            .with("state", described(what).with("const", name));
        (typed(help, "object", false), properties)
    };
    let (schema, properties) = state("A file system.", "mounted", "It was asked.");
    let kind = "The type, as in /proc/filesystems.";
    let read_only = "Whether nobody can write to it there: the mount or the whole file system is \
                     read-only. null in a recording of record version 1.";
    let mounted = properties
        .with("kind", typed(kind, "string", false))
        .columns(Usage::COLUMNS)
        .with("read_only", typed(read_only, "boolean", true))
        .of(schema);
    let (schema, properties) = state("Nothing.", "absent", "There is no such path.");
    let absent = properties.of(schema);
    let (schema, properties) = state("It could not be asked.", "failed", "An error.");
    let errno = number("Which one.", Unit::Count, true, false);
    let failed = properties.with("errno", errno).of(schema);
    let (schema, properties) = state("It has not answered in time.", "stale", "No answer.");
    let stale = properties.of(schema);
    let mut items = Object::new();
    items.0.push((
        "oneOf".into(),
        Node::List(vec![mounted, absent, failed, stale]),
    ));
    typed(
        "What is mounted at the paths of the parameter fs_paths.",
        "array",
        false,
    )
    .with_object("items", items)
}

fn events() -> Object {
    const NUMBER: &str = "Its number; the first one after the module was loaded is 1, or in a kernel log the first one that it has.";
    const NAME: &str = "The name of its trigger; trigger-NN where the module has one that this \
        program does not know.";
    const STATE: &str = "Whether it begins, goes on or ends with this sample; a moment is over as \
        soon as it began, as a test.";
    const SUBJECT: &str =
        "The disk or the path that it is about. null when it is about the machine.";
    let one_of = |help: &str, names: Vec<&str>| described(help).with("enum", names);
    let value = |help: &str| number(help, Unit::Count, false, false);
    let seconds = |help: &str| number(help, Unit::Seconds, false, false);
    Properties::default()
        .with("number", number(NUMBER, Unit::Count, true, false))
        .with("name", typed(NAME, "string", false))
        .with("state", one_of(STATE, EventState::ALL.map(EventState::name).into()))
        .with(
            "unit",
            one_of(
                "What value, worst and limit are measured in.",
                EventUnit::ALL.map(EventUnit::name).into(),
            ),
        )
        .with("value", value("What was found in this sample."))
        .with("worst", number("The worst value since it began. null where a kernel log does not say it.", Unit::Count, false, true))
        .with("limit", value("What the value was compared with when it began."))
        .with("lasting_s", number("Seconds that it had to last before the event began. null in a kernel log.", Unit::Seconds, false, true))
        .with("since_s", seconds("Seconds from when it was so to this sample."))
        .with("subject", typed(SUBJECT, "string", true))
        .with("severe", typed("Whether the machine may be dying.", "boolean", false))
        .list("Events that begin, go on or end with the later record: all that were not over before it.")
}

const PID: &str = "Process ID, in the first namespace.";
const COMM: &str = "Its name, which is whatever it wants. null where the module keeps no names.";
const UID: &str = "User ID, in the first namespace.";
const CGROUP: &str = "Identity of its cgroup: the inode of its folder. null where it has none.";

fn tasks() -> Object {
    const STATE: &str = "State of its first thread, as the letter in /proc/PID/stat; ? where that \
        is none.";
    let whole = |help: &str, is_optional| number(help, Unit::Count, true, is_optional);
    let seconds = |help: &str, is_optional| number(help, Unit::Seconds, false, is_optional);
    Properties::default()
        .with("pid", whole(PID, false))
        .with("comm", typed(COMM, "string", true))
        .with("uid", whole(UID, true))
        .with("state", typed(STATE, "string", false))
        .columns(Task::COLUMNS)
        .with("cgroup_id", whole(CGROUP, true))
        .with("started_s", seconds("When it started, in seconds since 1970.", true))
        .with("started_since_boot_s", seconds("The same in seconds since the boot. With pid it tells processes of one boot apart.", true))
        .list("Processes that use most of the CPUs or of the memory, in no order. A sample without a census of its own repeats the last one.")
}

fn oom_kills() -> Object {
    const OUTCOME: &str = "Whether it was killed, or was dying anyway and was given memory to end \
        sooner.";
    const ADJ: &str = "Its oom_score_adj, -1000 to 1000.";
    const BY_COMM: &str = "The name of that. null where the module keeps no names.";
    let whole = |help: &str, is_optional| number(help, Unit::Count, true, is_optional);
    let outcomes: Vec<_> = OomOutcome::ALL.map(OomOutcome::name).into();
    Properties::default()
        .with("time_s", number("When, in seconds since 1970. null in a kernel log without the time of day.", Unit::Seconds, false, true))
        .with("outcome", described(OUTCOME).with("enum", outcomes))
        .with("pid", whole(PID, false))
        .with("comm", typed(COMM, "string", true))
        .with("uid", whole(UID, true))
        .columns(OomKill::COLUMNS)
        .with("oom_score_adj", typed(ADJ, "integer", true))
        .with("cgroup_id", whole(CGROUP, true))
        .with("by_pid", whole("Process ID of who asked for memory.", false))
        .with("by_comm", typed(BY_COMM, "string", true))
        .list("Processes that were chosen to be killed as memory ran out, before the later record. Each is in one sample only.")
}

fn schema() -> Object {
    const IS_NEW: &str = "Whether the census is another one than that of the earlier record.";
    const LEFT_OUT: &str = "More of oom_kills, for which the record had no room.";
    const SINCE_BOOT: &str = "Seconds from the boot to it, in which time in suspend counts \
        (CLOCK_BOOTTIME); of a kernel log its time stamp, in which it does not. null in a recording of \
        record version 1, and where a log has no time stamps.";
    const BOOT: &str = "The boot that the records are of, in 16 hexadecimal digits: the same for \
        all samples of a boot. It is the module's own, not the kernel's. null in a recording of \
        record version 1.";
    const LOAD: &str = "The load of the module that the records are of, in 16 hexadecimal digits. \
        null in a recording of record version 1.";
    const DISK_COUNTS: &str = "Whether it counts in totals over all disks: false when other disks \
        do the same work again and count it, or memory does it.";
    const NET_COUNTS: &str = "Whether it counts in totals over all interfaces: false for the \
        loopback, and for an interface on top of another one, which counts the same.";
    const INCOMPLETE: &str = "What has not answered in time, or had no room: it is missing in \
        this sample, or some of it.";
    const FROM_LOG: &str = "Where the sample is from when it was made of the lines of a kernel \
        log. They have less than records: what is null there may well have been sampled. null for \
        samples of records.";
    const AT_PANIC: &str =
        "Whether it was printed when the kernel panicked, as one of the newest samples.";
    const HAS_WALL_CLOCK: &str = "Whether the log has the time of day. Without it, time_s is null.";
    const KERNELS_BOOT: &str = "The kernel's own name of the boot, \
        /proc/sys/kernel/random/boot_id. null for samples of a recording.";

    let mut all = Properties::default()
        .columns(Sample::COLUMNS)
        .with(
            "since_boot_s",
            number(SINCE_BOOT, Unit::Seconds, false, true),
        )
        .with("module_boot_id", typed(BOOT, "string", true))
        .with("module_load_id", typed(LOAD, "string", true));
    for part in Sample::parts().iter().filter(|part| !part.is_total) {
        let mut properties = Properties::default().sample_columns(&part.columns);
        if part.name == "tasks" {
            properties = properties.with("is_new", typed(IS_NEW, "boolean", false));
        }
        all = all.with(part.name, properties.of(typed(part.help, "object", true)));
    }
    let cpus = Properties::default()
        .with("id", number("Its number.", Unit::Count, true, false))
        .columns(CpuTimes::COLUMNS)
        .list("Each CPU that was online all the time.");
    let disks = Properties::default()
        .with("name", typed("As in /proc/diskstats.", "string", false))
        .columns(Disk::COLUMNS)
        .with("in_total", typed(DISK_COUNTS, "boolean", false))
        .list("Whole disks that are in use, in the kernel's order; by the definitions of iostat.");
    let a_direction = || Object::new().with("$ref", "#/$defs/direction");
    let nets = Properties::default()
        .with("name", typed("As ip link shows it.", "string", false))
        .with("received", a_direction())
        .with("transmitted", a_direction())
        .with("in_total", typed(NET_COUNTS, "boolean", false))
        .list("Network interfaces, in the kernel's order.");
    let names: Vec<_> = Source::ALL.iter().map(|source| source.name()).collect();
    let incomplete =
        typed(INCOMPLETE, "array", false).with_object("items", Object::new().with("enum", names));
    let from_log = Properties::default()
        .with(
            "boot",
            number(
                "Which of the boots that the log has, from 0.",
                Unit::Count,
                true,
                false,
            ),
        )
        .with(
            "load",
            number(
                "Which load of the module in that, from 0.",
                Unit::Count,
                true,
                false,
            ),
        )
        .with("has_wall_clock", typed(HAS_WALL_CLOCK, "boolean", false))
        .with("at_panic", typed(AT_PANIC, "boolean", false))
        .of(typed(FROM_LOG, "object", true));
    let head = Object::new()
        .with("$schema", "https://json-schema.org/draft/2020-12/schema")
        .with("title", "A sample of resource_monitor")
        .with(
            "description",
            "What a line of `resmon log --json` is: what happened between two records of the \
             module. Rates and shares are of the time in between; all else is of the later \
             record. null, or an empty list that `incomplete` names, is what the module did not \
             sample, or what a kernel log does not have (`from_log`).",
        )
        .with("type", "object");
    all.with("cpus", cpus)
        .with("disks", disks)
        .with("nets", nets)
        .with("file_systems", file_systems())
        .with("top_tasks", tasks())
        .with("oom_kills", oom_kills())
        .with(
            "oom_kills_left_out",
            number(LEFT_OUT, Unit::Count, true, false),
        )
        .with("events", events())
        .with("incomplete", incomplete)
        .with("from_log", from_log)
        .with("boot_id", typed(KERNELS_BOOT, "string", true))
        .of(head)
        .with_object("$defs", Object::new().with_object("direction", direction()))
}

#[test]
fn the_file_is_made_of_the_columns() {
    let text = serde_json::to_string_pretty(&schema()).unwrap();
    util::assert_is_file("../schema/sample.schema.json", &(text + "\n"));
}
