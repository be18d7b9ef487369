// SPDX-License-Identifier: GPL-2.0-or-later

//! What the reader and the workers share, and the answers to requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use resmon::Record;

use crate::error::Error;

use super::format::Format;
use super::http::{Answer, Request, Status};
use super::metrics::{Began, Census};
use super::newest::Newest;
use super::text;

/// How often it is said, at most, that clients cannot be accepted.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// What the reader and the workers share.
#[derive(Debug, Default)]
pub struct Shared {
    state: Mutex<State>,
    /// Whether tasks are shown.
    with_tasks: bool,
    /// When it was said last that clients cannot be accepted.
    complained: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
enum State {
    /// No record has come yet.
    #[default]
    Waiting,
    Newest(Newest),
    /// None will come any more, because of this.
    Failed(String),
}

impl Shared {
    /// Shows tasks as well, if `with_tasks`.
    pub fn new(with_tasks: bool) -> Self {
        Self {
            with_tasks,
            ..Self::default()
        }
    }

    /// A worker that panics changes nothing halfway, so that what it held is as good as before.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows `record` from now on, which was `received` from the device, or is of a recording.
    pub fn add(&self, record: Record, received: Option<Instant>) {
        self.add_after(record, received, Began::default());
    }

    /// The same for the first one, after others whose events were counted.
    pub fn add_after(&self, record: Record, received: Option<Instant>, began: Began) {
        let mut state = self.state();
        match &mut *state {
            State::Newest(newest) => newest.replace(&record, received),
            State::Waiting | State::Failed(_) => {
                let census = self.with_tasks.then(Census::default);
                *state = State::Newest(Newest::new(&record, received, began, census));
            }
        }
    }

    pub fn fail(&self, error: &Error) {
        *self.state() = State::Failed(error.to_string());
    }

    /// Whether nobody has said for a while that clients cannot be accepted. Who asks says it.
    pub fn may_complain(&self, now: Instant) -> bool {
        let complained = self.complained.lock();
        let mut complained = complained.unwrap_or_else(PoisonError::into_inner);
        let may =
            complained.is_none_or(|last| now.saturating_duration_since(last) >= COMPLAINT_INTERVAL);
        if may {
            *complained = Some(now);
        }
        may
    }

    pub fn answer(&self, request: &Request<'_>) -> Answer {
        match request.path {
            "/metrics" => self.answer_metrics(Format::asked_for(&request.accept)),
            "/" => Answer {
                status: Status::Ok,
                content_type: "text/html; charset=utf-8",
                body: PAGE.into(),
            },
            _ => Answer::line(Status::NotFound, "not found: see /metrics"),
        }
    }

    pub fn answer_metrics(&self, format: Format) -> Answer {
        let families = match &*self.state() {
            State::Waiting => return Answer::line(Status::ServiceUnavailable, "no sample yet"),
            State::Failed(why) => return Answer::line(Status::ServiceUnavailable, why),
            State::Newest(newest) => newest.families(Instant::now()),
        };
        match text::write(families.iter().map(Arc::as_ref), format) {
            Ok(body) => Answer {
                status: Status::Ok,
                content_type: format.content_type(),
                body,
            },
            Err(error) => Answer::line(Status::InternalServerError, error),
        }
    }
}

const PAGE: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head><title>resmon export</title></head>
<body>
<h1>resmon export</h1>
<p>What the kernel module resource_monitor samples: <a href=\"/metrics\">metrics</a></p>
</body>
</html>
";
