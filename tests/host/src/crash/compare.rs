// SPDX-License-Identifier: GPL-2.0

//! Records that were published beside those that were found, bit for bit.

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Context, Result};
use model::record::{BOOT_ID_AT, LOAD_ID_AT, LOST_AT, SEQ_AT};

/// Records in their order, as words.
pub type Records = Vec<Vec<u64>>;

/// Which load of the module a record is of, and its number there.
fn key(record: &[u64]) -> (u64, u64) {
    (record[LOAD_ID_AT], record[SEQ_AT])
}

/// The boot that all records are of.
pub fn boot_id(records: &[Vec<u64>]) -> Result<u64> {
    let first = records.first().context("there is no record")?[BOOT_ID_AT];
    ensure!(
        records.iter().all(|record| record[BOOT_ID_AT] == first),
        "there are records of more than one boot"
    );
    Ok(first)
}

/// How many loads of the module records are of.
pub fn lives(records: &[Vec<u64>]) -> usize {
    let lives = records.iter().map(|record| record[LOAD_ID_AT]);
    lives.collect::<std::collections::BTreeSet<_>>().len()
}

/// How many records are of the same load of the module as the first one.
pub fn of_first_life(records: &[Vec<u64>]) -> usize {
    let load = |record: &Vec<u64>| record[LOAD_ID_AT];
    let first = records.first().map(load);
    records
        .iter()
        .filter(|record| Some(load(record)) == first)
        .count()
}

/// A record without what its reader has added, who may have been slow.
fn as_published(record: &[u64]) -> Vec<u64> {
    let mut words = record.to_vec();
    words[LOST_AT] = 0;
    words
}

/// How much of what was published was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Records that were found.
    pub records: usize,
    /// Of these, those that had not reached their reader at the end.
    pub unread: usize,
    /// Whether the newest one was not found.
    pub lacks_newest: bool,
}

/// Fails when a record was found that was not published so, or when one is missing, unless it is the newest of all.
/// What was found has to begin with the first record of each load, and to have none missing in between.
pub fn compare(published: &[Vec<u64>], found: &[Vec<u64>]) -> Result<Found> {
    let mut next = BTreeMap::new();
    for record in found {
        let (load, seq) = key(record);
        let expected = next.insert(load, seq + 1).unwrap_or(0);
        ensure!(seq == expected, "record {seq} follows, expected {expected}");
    }
    let by_key: BTreeMap<_, _> = found.iter().map(|record| (key(record), record)).collect();
    let mut missing = Vec::new();
    let mut equal = 0;
    for record in published {
        match by_key.get(&key(record)) {
            Some(other) if as_published(other) == as_published(record) => equal += 1,
            Some(other) => {
                let differs = record
                    .iter()
                    .zip(*other)
                    .position(|(one, other)| one != other);
                bail!("record {} differs at word {differs:?}", record[SEQ_AT]);
            }
            None => missing.push(key(record)),
        }
    }
    ensure!(equal > 0, "none of what was published was found");
    let newest = published.last().map(|record| key(record));
    ensure!(
        missing.is_empty() || missing.len() == 1 && missing.first() == newest.as_ref(),
        "not found, though published: {missing:?}; the newest was {newest:?}"
    );
    Ok(Found {
        records: found.len(),
        unread: found.len() - equal,
        lacks_newest: !missing.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records with these numbers of a load.
    fn records(load: u64, numbers: std::ops::Range<u64>) -> Records {
        let record = |number| {
            let mut words = vec![7; BOOT_ID_AT + 3];
            words[LOAD_ID_AT] = load;
            words[SEQ_AT] = number;
            words[LOST_AT] = 0;
            words
        };
        numbers.map(record).collect()
    }

    #[test]
    fn all_is_found() {
        let all = records(1, 0..5);
        let found = compare(&all[..4], &all).unwrap();
        assert_eq!(
            (found.records, found.unread, found.lacks_newest),
            (5, 1, false)
        );
        // Only the newest may be missing.
        assert!(compare(&all, &all[..4]).unwrap().lacks_newest);
        assert_eq!(boot_id(&all).unwrap(), 7);
        let two = [records(1, 0..2), records(2, 0..2)].concat();
        assert_eq!((compare(&two, &two).unwrap().records, lives(&two)), (4, 2));
        assert_eq!(of_first_life(&two), 2);
    }

    #[test]
    fn what_a_slow_reader_lost_does_not_count() {
        let found = records(1, 0..5);
        let mut published = found[..1].to_vec();
        published.extend_from_slice(&found[3..]);
        published[1][LOST_AT] = 2;
        assert_eq!(compare(&published, &found).unwrap().unread, 2);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let all = records(1, 0..5);
        assert!(compare(&all, &all[..3]).is_err());
        assert!(compare(&all, &all[1..]).is_err());
        assert!(compare(&all, &[]).is_err());
        assert!(compare(&[], &all).is_err());
        let gap = [&all[..2], &all[3..]].concat();
        assert!(compare(&all, &gap).is_err());
        let twice = [&all[..], &all[4..]].concat();
        assert!(compare(&all, &twice).is_err());
        for word in [0, 5, BOOT_ID_AT + 2] {
            let mut changed = all.clone();
            changed[2][word] ^= 1 << 40;
            assert_eq!(compare(&all, &changed).is_err(), word != LOST_AT, "{word}");
        }
        let mut longer = all.clone();
        longer[2].push(0);
        assert!(compare(&all, &longer).is_err());
        let mixed = [records(1, 0..1), vec![vec![8; BOOT_ID_AT + 1]]].concat();
        assert!(boot_id(&mixed).is_err());
    }
}
