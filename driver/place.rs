// SPDX-License-Identifier: GPL-2.0

//! Where the history lies: in reserved memory, in which it outlives the machine, or in memory that is taken at load.

use super::{
    block_memory::BlockMemory,
    blocks::{
        Blocks,
        Earlier, //
    },
    capacity::Capacity,
    earlier::Rest,
    history::History,
    life::Life,
    life_table::LifeTable,
    lives::Lives,
    region::{
        Refused,
        Region, //
    },
    ring::Ring,
    ring_memory::RingMemory, //
};
use crate::sys::reserved::NotFound;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The history, as it begins with this life.
pub(super) struct Begun {
    pub(super) history: Arc<History>,
    pub(super) lives: Arc<Lives>,
    /// About how many records the blocks have room for.
    pub(super) about_records: u64,
    pub(super) place: Place,
}

/// Where it lies.
pub(super) enum Place {
    /// In reserved memory.
    Reserved {
        /// Whether what was there was of no use.
        starts_over: bool,
    },
    /// In memory that was taken now.
    Ordinary(Refused),
}

/// Begins the history, with what earlier lives have left if it is there.
///
/// # Context
///
/// Process context, may sleep.
///
/// # Errors
///
/// `ENOMEM` when there is no memory.
#[inline(never)]
pub(super) fn begin(capacity: Capacity, life: Life) -> Result<Begun> {
    match Region::take(&capacity) {
        Ok(region) => reserved(region, capacity, life),
        Err(why) => ordinary(why, &capacity, life),
    }
}

fn ordinary(why: Refused, capacity: &Capacity, life: Life) -> Result<Begun> {
    let ring = Ring::new(RingMemory::new(capacity.ring_words, life)?);
    let memory = BlockMemory::new(&capacity.blocks)?;
    let blocks = Blocks::new(memory, &capacity.blocks, life, &Earlier::default())?;
    let history = History::new(ring, blocks, capacity.blocks.max_record_words)?;
    Ok(Begun {
        lives: Lives::begin(life, history.clone(), None)?,
        history,
        about_records: capacity.about_records(),
        place: Place::Ordinary(why),
    })
}

fn reserved(region: Region, capacity: Capacity, life: Life) -> Result<Begun> {
    let mut capacity = capacity.divided(&region.layout);
    let max_record_words = capacity.blocks.max_record_words;
    let earlier = Earlier::find(&region.blocks, &region.layout, life);
    let ring = Ring::new(RingMemory::left(region.ring));
    let rest = Rest::find(&ring, &earlier);
    capacity.blocks.max_record_words = max_record_words.max(rest.longest_words());
    let blocks = Blocks::new(region.blocks, &capacity.blocks, life, &earlier)?;
    let table = LifeTable::new(region.lives)?;
    // From here on nothing fails but for want of memory, and then all is still there, in a block if not in the ring.
    rest.keep(&blocks);
    ring.memory().begin(life);
    let history = History::new(ring, blocks, max_record_words)?;
    Ok(Begun {
        lives: Lives::begin(life, history.clone(), Some(table))?,
        history,
        about_records: capacity.about_records(),
        place: Place::Reserved {
            starts_over: region.starts_over,
        },
    })
}

impl Place {
    /// Whether it ends with the module.
    pub(super) fn is_ordinary(&self) -> bool {
        matches!(self, Self::Ordinary(_))
    }

    /// Says in the log where the history lies.
    pub(super) fn say(&self, history: &History) {
        match self {
            Self::Reserved { starts_over } => {
                let blocks = history.blocks();
                pr_info!(
                    "history in reserved memory: size_kB={} earlier_records={}\n",
                    blocks.reserved_bytes() / 1024,
                    blocks.earlier_records(),
                );
                if *starts_over {
                    pr_warn!(
                        "history starts over: reserved memory was divided by another version or for \
                         another size\n"
                    );
                }
            }
            Self::Ordinary(why) => say_why(why),
        }
    }
}

fn say_why(why: &Refused) {
    match why {
        Refused::NotFound(NotFound::NotReserved) => {
            pr_info!("history ends with this boot: no memory is reserved as resmon\n");
        }
        Refused::NotFound(NotFound::CrashKernel) => {
            pr_info!("history ends with this boot: this is a crash kernel\n");
        }
        Refused::NotFound(NotFound::Failed(error)) => {
            pr_info!(
                "history ends with this boot: the memory reserved as resmon cannot be used: error {}\n",
                error.to_errno(),
            );
        }
        Refused::TooSmall {
            bytes,
            needed_bytes,
        } => {
            pr_info!(
                "history ends with this boot: the memory reserved as resmon is too small: {} kB, at \
                 least {} kB are needed\n",
                bytes / 1024,
                needed_bytes.div_ceil(1024),
            );
        }
    }
}
