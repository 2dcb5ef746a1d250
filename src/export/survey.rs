//! How many pictures there are of each camera, and from when to when: what has to be known before
//! the first one is written. One pass over the files, in which no pixel is decoded.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::shots::{CameraName, Shots};
use super::{ExportError, ExportPlan, Exported, Item, Sink, walk};
use crate::recording::Session;

/// The pictures of one camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Census {
    pub frames: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

/// The pictures of all cameras that are asked for.
pub(super) type Survey = BTreeMap<CameraName, Census>;

/// Looks through the files.
///
/// # Errors
/// As [`super::export`].
pub(super) fn survey(
    plan: &ExportPlan,
    progress: &mut dyn FnMut(u64),
) -> Result<Survey, ExportError> {
    let found = Rc::new(RefCell::new(Survey::new()));
    let counter = Counter {
        shots: Shots::new(plan),
        found: Rc::clone(&found),
    };
    walk(plan, Box::new(counter), progress)?;
    Ok(found.take())
}

struct Counter {
    shots: Shots,
    found: Rc<RefCell<Survey>>,
}

impl Sink for Counter {
    fn wants_payload(&self) -> bool {
        true
    }

    fn session(&mut self, session: &Session) -> Result<(), ExportError> {
        self.shots.session(session);
        Ok(())
    }

    fn message(&mut self, item: Item<'_>, exported: &mut Exported) -> Result<(), ExportError> {
        if let Some(shot) = self.shots.look(&item, exported) {
            let at = item.message.log_time_ns;
            let mut found = self.found.borrow_mut();
            let census = found.entry(shot.camera).or_insert(Census {
                frames: 0,
                first_ns: at,
                last_ns: at,
            });
            census.frames += 1;
            census.first_ns = census.first_ns.min(at);
            census.last_ns = census.last_ns.max(at);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _exported: &mut Exported) -> Result<(), ExportError> {
        Ok(())
    }
}
