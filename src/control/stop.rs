//! The board on which a stop is pressed.
//!
//! Whoever presses writes to atomics and wakes those who wait; nothing here can block, and no lock
//! is shared with the loop or with drawing. Each instrument has two watchers: its stop path, on a
//! thread of its own, and its source, which sends a stop ahead of everything else on the connection
//! that it owns, because a move that it had written before may overtake the stop path's.

mod reporter;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::model::{Clock, SourceId, Stamp, StopLevel, StopOrigin, StopPress};

pub use reporter::{StopReporter, StopReports};

/// A second press within this time also ends light and workflows.
const SECOND_PRESS_NS: u64 = 2_000_000_000;

/// What everybody who may press or has to obey shares.
#[derive(Clone, Debug)]
pub struct StopBoard(Arc<Board>);

#[derive(Debug)]
struct Board {
    clock: Clock,
    /// Number, level and origin of the newest press, and whether it holds: one word, so that it is
    /// read whole.
    word: AtomicU64,
    /// When the newest press was, monotonic nanoseconds.
    at_ns: AtomicU64,
    /// Number of the newest press that ends light and workflows too.
    safe_number: AtomicU64,
    sources: Vec<Instrument>,
    /// For whoever shows it.
    shown: Notify,
}

#[derive(Debug, Default)]
struct Instrument {
    path: Notify,
    source: Notify,
    /// Whether it moves or emits, as far as its source knows.
    active: AtomicBool,
}

/// Who watches the board for an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watcher {
    /// Its stop path.
    Path,
    /// Its source.
    Source,
}

/// A stop that holds until it is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latch {
    /// The newest press.
    pub press: StopPress,
}

const LEVEL: u64 = 1;
const LATCHED: u64 = 1 << 1;
const ORIGIN_SHIFT: u32 = 2;
const ORIGIN: u64 = 0b11 << ORIGIN_SHIFT;
const NUMBER_SHIFT: u32 = 4;

impl StopBoard {
    /// A board for `sources` sources; nothing is pressed.
    pub fn new(clock: Clock, sources: usize) -> Self {
        Self(Arc::new(Board {
            clock,
            word: AtomicU64::new(0),
            at_ns: AtomicU64::new(0),
            safe_number: AtomicU64::new(0),
            sources: (0..sources).map(|_| Instrument::default()).collect(),
            shown: Notify::new(),
        }))
    }

    /// Presses: motion ends; light and workflows too on a second press within two seconds.
    pub fn press(&self, origin: StopOrigin) -> StopPress {
        let now = self.0.clock.now().mono_ns;
        let pressed_at = self.0.at_ns.swap(now, Ordering::SeqCst);
        let is_recent = now.saturating_sub(pressed_at) < SECOND_PRESS_NS;
        // Decided where the number is: of two who press at once, one is the second.
        self.enter(now, origin, |word| match is_recent && word & LATCHED != 0 {
            true => StopLevel::Safe,
            false => StopLevel::Halt,
        })
    }

    /// Presses for what `level` says.
    pub fn press_level(&self, level: StopLevel, origin: StopOrigin) -> StopPress {
        let now = self.0.clock.now().mono_ns;
        self.0.at_ns.store(now, Ordering::SeqCst);
        self.enter(now, origin, |_| level)
    }

    fn enter(
        &self,
        now: u64,
        origin: StopOrigin,
        level_after: impl Fn(u64) -> StopLevel,
    ) -> StopPress {
        let write = |word: u64| {
            let number = (word >> NUMBER_SHIFT) + 1;
            Some(
                number << NUMBER_SHIFT
                    | (origin as u64) << ORIGIN_SHIFT
                    | LATCHED
                    | u64::from(level_after(word) == StopLevel::Safe),
            )
        };
        let before = self
            .0
            .word
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, write)
            .unwrap_or_else(|word| word);
        let number = (before >> NUMBER_SHIFT) + 1;
        let level = level_after(before);
        if level == StopLevel::Safe {
            self.0.safe_number.fetch_max(number, Ordering::SeqCst);
        }
        for instrument in &self.0.sources {
            instrument.path.notify_one();
        }
        for instrument in &self.0.sources {
            instrument.source.notify_one();
        }
        self.0.shown.notify_one();
        StopPress {
            number,
            level,
            origin,
            mono_ns: now,
        }
    }

    /// Lets commands pass again, if press `number` is still the newest: nobody clears a stop that
    /// was pressed after he asked to.
    pub fn clear(&self, number: u64) {
        let clear = |word: u64| (word >> NUMBER_SHIFT == number).then_some(word & !LATCHED);
        let order = Ordering::SeqCst;
        // A newer press holds on.
        let _ = self.0.word.fetch_update(order, order, clear);
        self.0.shown.notify_one();
    }

    /// The number of the newest press, 0 before the first; also of one that was cleared.
    pub fn number(&self) -> u64 {
        self.0.word.load(Ordering::SeqCst) >> NUMBER_SHIFT
    }

    /// When the newest press was, monotonic nanoseconds; 0 before the first.
    pub fn pressed_at_ns(&self) -> u64 {
        self.0.at_ns.load(Ordering::SeqCst)
    }

    /// Whether a command that was asked for after press `stop_number` may be sent: no stop holds,
    /// and none was pressed since. To be asked right before each write.
    pub fn lets_pass(&self, stop_number: u64) -> bool {
        let word = self.0.word.load(Ordering::SeqCst);
        word & LATCHED == 0 && word >> NUMBER_SHIFT == stop_number
    }

    /// Whether a stop holds.
    pub fn is_latched(&self) -> bool {
        self.0.word.load(Ordering::SeqCst) & LATCHED != 0
    }

    /// The stop that holds, if one does.
    pub fn latch(&self) -> Option<Latch> {
        let word = self.0.word.load(Ordering::SeqCst);
        (word & LATCHED != 0).then(|| Latch {
            press: self.read(word),
        })
    }

    /// Whether any instrument moves or emits, as far as its source knows.
    pub fn any_active(&self) -> bool {
        let mut all = self.0.sources.iter();
        all.any(|instrument| instrument.active.load(Ordering::SeqCst))
    }

    /// Waits until [`StopBoard::latch`] may say something else; for whoever shows it, of whom
    /// there is one. Cancel safe.
    pub async fn changed(&self) {
        self.0.shown.notified().await;
    }

    /// The clock that presses are stamped with.
    pub fn now(&self) -> Stamp {
        self.0.clock.now()
    }

    /// A watch for one instrument. Of each kind there may be one.
    pub fn watch(&self, source: SourceId, watcher: Watcher) -> StopWatch {
        let seen = self.number();
        StopWatch {
            seen,
            seen_safe: seen,
            board: self.clone(),
            source,
            watcher,
        }
    }

    fn read(&self, word: u64) -> StopPress {
        StopPress {
            number: word >> NUMBER_SHIFT,
            level: match word & LEVEL {
                0 => StopLevel::Halt,
                _ => StopLevel::Safe,
            },
            origin: match (word & ORIGIN) >> ORIGIN_SHIFT {
                0 => StopOrigin::Key,
                1 => StopOrigin::Signal,
                2 => StopOrigin::Outside,
                _ => StopOrigin::Exit,
            },
            mono_ns: self.0.at_ns.load(Ordering::SeqCst),
        }
    }
}

/// One watcher's view of the board.
#[derive(Debug)]
pub struct StopWatch {
    board: StopBoard,
    source: SourceId,
    watcher: Watcher,
    /// Number of the newest press that was taken.
    seen: u64,
    /// Number of the newest press for light and workflows that was taken.
    seen_safe: u64,
}

impl StopWatch {
    /// Waits for a press that was not taken yet and takes it; of several only the newest, with
    /// the highest level that was asked for since. Cancel safe.
    pub async fn pressed(&mut self) -> StopPress {
        loop {
            if let Some(press) = self.take() {
                return press;
            }
            match self.board.0.sources.get(usize::from(self.source.0)) {
                Some(instrument) => match self.watcher {
                    Watcher::Path => instrument.path.notified().await,
                    Watcher::Source => instrument.source.notified().await,
                },
                None => std::future::pending().await,
            }
        }
    }

    /// A press that was not taken yet.
    pub fn take(&mut self) -> Option<StopPress> {
        let word = self.board.0.word.load(Ordering::SeqCst);
        let mut press = self.board.read(word);
        // A weaker press must not hide a stronger one that nobody has served yet, not even where
        // the stronger one's number becomes known after the weaker one was taken.
        let safe_number = self.board.0.safe_number.load(Ordering::SeqCst);
        let wants_safe = safe_number > self.seen_safe;
        if press.number <= self.seen && !wants_safe {
            return None;
        }
        if wants_safe {
            press.level = StopLevel::Safe;
            self.seen_safe = safe_number;
        }
        self.seen = press.number;
        Some(press)
    }

    /// Whether a stop holds: nothing that moves or emits may be sent. To be asked right before
    /// each write.
    pub fn is_latched(&self) -> bool {
        self.board.is_latched()
    }

    /// As [`StopBoard::lets_pass`].
    pub fn lets_pass(&self, stop_number: u64) -> bool {
        self.board.lets_pass(stop_number)
    }

    /// Says whether the instrument moves or emits, for `Ctrl-C`, which stops first while one does.
    pub fn set_active(&self, active: bool) {
        if let Some(instrument) = self.board.0.sources.get(usize::from(self.source.0)) {
            instrument.active.store(active, Ordering::SeqCst);
        }
    }

    /// The board, for tasks of the same instrument that ask it right before they write.
    pub fn board(&self) -> &StopBoard {
        &self.board
    }

    /// The clock that presses are stamped with.
    pub fn now(&self) -> Stamp {
        self.board.now()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    fn board() -> (Clock, StopBoard) {
        let clock = Clock::manual(0);
        (clock.clone(), StopBoard::new(clock, 2))
    }

    #[test]
    fn a_second_press_within_two_seconds_ends_light_too() {
        let (clock, board) = board();
        let levels: Vec<StopLevel> = [0, 1_999, 2_000, 100, 100]
            .map(|wait_ms| {
                clock.advance(Duration::from_millis(wait_ms));
                board.press(StopOrigin::Key).level
            })
            .into();
        use StopLevel::{Halt, Safe};
        assert_eq!(levels, [Halt, Safe, Halt, Safe, Safe]);
        assert_eq!(board.latch().map(|latch| latch.press.number), Some(5));
    }

    #[test]
    fn a_press_after_a_clear_begins_anew() {
        let (_, board) = board();
        let first = board.press(StopOrigin::Key).number;
        board.clear(first);
        assert!(!board.is_latched() && board.latch().is_none());
        assert_eq!(board.press(StopOrigin::Signal).level, StopLevel::Halt);
        let latch = board.latch().unwrap();
        assert_eq!(latch.press.origin, StopOrigin::Signal);
    }

    #[test]
    fn a_clear_ends_only_the_stop_it_was_meant_for() {
        let (_, board) = board();
        let first = board.press(StopOrigin::Key).number;
        let second = board.press(StopOrigin::Key).number;
        board.clear(first);
        assert!(board.is_latched(), "a newer one holds");
        board.clear(second);
        assert!(!board.is_latched());
    }

    #[test]
    fn a_command_from_before_a_stop_stays_void_after_the_clear() {
        let (_, board) = board();
        assert!(board.lets_pass(0));
        let number = board.press(StopOrigin::Key).number;
        assert!(!board.lets_pass(0) && !board.lets_pass(number));
        board.clear(number);
        assert!(!board.lets_pass(0) && board.lets_pass(number));
    }

    #[test]
    fn both_watchers_of_every_instrument_are_told_once() {
        let (_, board) = board();
        let mut watches: Vec<StopWatch> = [0, 1]
            .into_iter()
            .flat_map(|source| {
                [Watcher::Path, Watcher::Source].map(|who| board.watch(SourceId(source), who))
            })
            .collect();
        for watch in &mut watches {
            assert_eq!(watch.pressed().now_or_never(), None);
        }
        let press = board.press(StopOrigin::Outside);
        for watch in &mut watches {
            assert_eq!(watch.pressed().now_or_never(), Some(press));
            assert_eq!(watch.pressed().now_or_never(), None);
        }
    }

    #[test]
    fn a_weaker_press_does_not_hide_a_stronger_one() {
        let (clock, board) = board();
        let mut watch = board.watch(SourceId(0), Watcher::Path);
        board.press_level(StopLevel::Safe, StopOrigin::Outside);
        clock.advance(Duration::from_secs(3));
        board.press(StopOrigin::Key);
        let taken = watch.take().unwrap();
        assert_eq!((taken.number, taken.level), (2, StopLevel::Safe));
        clock.advance(Duration::from_secs(3));
        board.press(StopOrigin::Key);
        assert_eq!(watch.take().unwrap().level, StopLevel::Halt);
    }

    #[test]
    fn a_press_counts_for_who_waits_already() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let (_, board) = board();
            let mut watch = board.watch(SourceId(1), Watcher::Path);
            let waiting = tokio::spawn(async move { watch.pressed().await });
            tokio::task::yield_now().await;
            let press = board.press(StopOrigin::Key);
            assert_eq!(waiting.await.unwrap(), press);
        });
    }

    #[test]
    fn an_instrument_that_moves_makes_the_board_active() {
        let (_, board) = board();
        let watch = board.watch(SourceId(1), Watcher::Source);
        assert!(!board.any_active());
        watch.set_active(true);
        assert!(board.any_active());
        watch.set_active(false);
        assert!(!board.any_active());
    }
}
