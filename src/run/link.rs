//! The link to the terminal: what it takes, measured, and how that is spent: keys and text first,
//! the picture with what is left.
//!
//! Plain bookkeeping. Time comes in as monotonic nanoseconds, bytes as numbers; who writes them
//! and reads the answers is the loop. Bytes that were written are not yet on the screen: ssh, the
//! network and a slow terminal hold many of them, and the echo of a key would stand behind them
//! all. So updates end with a question that the terminal answers once it has shown them, and no
//! more is under way than the link carries in a round trip, with a little beside.

mod blocking;
mod questions;
mod window;

use blocking::Blocking;
use questions::{LEAST_SIZE, Question, Questions};
use window::{LEAST, Window};

const MS: u64 = 1_000_000;
/// How long a piece of a picture may take the link: what a key's echo may have to wait for it.
const PIECE_NS: u64 = 20 * MS;
/// Largest piece of a picture.
const MOST_PIECE: u64 = 256 * 1024;
/// Text that a key brought about may go beyond the window by what takes this long; then the newest
/// waits for the link, or keys that are held down would fill it.
const KEYS_NS: u64 = 75 * MS;
/// Bytes a second below which a whole screen of text is long on its way.
const NARROW: f64 = 50_000.0;
/// How long text that changed by itself may then take at once.
const TEXT_NS: u64 = 40 * MS;
/// Text that changed by itself takes one part in so many of the link while there is a picture.
const TEXT_SHARE: u64 = 4;
/// A link that was never full is trusted to take so many times what it has taken.
const HOPE: u64 = 4;
/// An answer is waited for at least, and at most, as long as this.
const PATIENCE_NS: (u64, u64) = (2_000 * MS, 15_000 * MS);
/// A terminal that has never answered may be one that does not.
const FIRST_PATIENCE_NS: u64 = 1_000 * MS;
/// So many waits in vain and a terminal is taken for one that does not answer.
const MOST_MISSES: u32 = 3;
/// How often such a one is asked again.
const ASK_AGAIN_NS: u64 = 30_000 * MS;
/// How much longer than usual an answer may take before it is asked for again.
const POKE_NS: u64 = 100 * MS;
/// The answer to such a question alone follows the one it was asked for at once, or not at all.
const GRACE_NS: u64 = 50 * MS;
/// So many questions in a row that brought only the answer before and a terminal is taken for one
/// that always answers the question before the last: what it says is no measure.
const MOST_LATE: u32 = 3;
/// How long the last answers are waited for at the end.
const FAREWELL_NS: u64 = 1_000 * MS;

/// What an update holds that is about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cargo {
    /// Text with no picture beside it on the screen.
    Text,
    /// Text on a screen with a picture, perhaps with a piece of that.
    TextAndPicture,
    /// A piece of a picture.
    Picture,
    /// Nothing but a question, because the answer to the last one stays away.
    Poke,
}

/// A question that was asked alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poke {
    /// Those before it are not answered either.
    Asked,
    /// It alone is open, since then.
    Alone(u64),
}

/// What is known of the link.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Smoothed round trip, nanoseconds; `None` if the terminal answers nothing.
    pub round_trip_ns: Option<u64>,
    /// Bytes a second that it is trusted to take; `None` if no limit is known.
    pub rate: Option<f64>,
}

/// The link to the terminal.
#[derive(Debug)]
pub struct Link {
    questions: Questions,
    window: Window,
    blocking: Blocking,
    /// Bytes handed over since the start.
    sent: u64,
    /// Bytes that were answered for, or given up.
    delivered: u64,
    delivered_ns: u64,
    /// What had been sent when an answer was last waited for in vain.
    given_up: u64,
    /// When the write in progress began, and its bytes.
    writing: Option<(u64, u64)>,
    /// Has answered at least once.
    has_answered: bool,
    is_silent: bool,
    /// Waits in vain since the last answer.
    misses: u32,
    /// When that came.
    heard_ns: u64,
    /// Since when an answer is waited for.
    waiting_ns: u64,
    /// The last question, if it was asked alone.
    poke: Option<Poke>,
    /// Such questions in a row that stayed without an answer.
    late: u32,
    asked_ns: u64,
    /// Not before this does text go out that no key brought about.
    text_ns: u64,
    /// There are places enough to ask from.
    can_ask: bool,
}

impl Link {
    /// A link of which nothing is known, to a terminal of this size.
    pub fn new(cols: u16, rows: u16) -> Self {
        let mut link = Self {
            questions: Questions::default(),
            window: Window::default(),
            blocking: Blocking::default(),
            sent: 0,
            delivered: 0,
            delivered_ns: 0,
            given_up: 0,
            writing: None,
            has_answered: false,
            is_silent: false,
            misses: 0,
            heard_ns: 0,
            waiting_ns: 0,
            poke: None,
            late: 0,
            asked_ns: 0,
            text_ns: 0,
            can_ask: false,
        };
        link.resize(cols, rows);
        link
    }

    /// The terminal has another size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.can_ask = cols >= LEAST_SIZE.0 && rows >= LEAST_SIZE.1;
    }

    /// Whether text may go out now. What a key brought about hardly ever waits.
    pub fn takes_text(&self, now_ns: u64, by_key: bool) -> bool {
        if !self.is_measured() || self.under_way() == 0 {
            return by_key || now_ns >= self.text_ns;
        }
        let room = self.window.bytes();
        if by_key {
            let beyond = self
                .window
                .rate()
                .map_or(room, |rate| bytes_in(rate, KEYS_NS));
            self.under_way() <= room + beyond
        } else {
            self.under_way() <= room && now_ns >= self.text_ns
        }
    }

    /// Whether so little passes that what a key brought about is told from what changed by itself.
    pub fn is_narrow(&self) -> bool {
        self.reading().rate.is_some_and(|rate| rate < NARROW)
    }

    /// About how many bytes of text that no key brought about go out at once.
    pub fn text_piece(&self) -> u64 {
        match self.reading().rate {
            Some(rate) if rate < NARROW => bytes_in(rate, TEXT_NS).max(LEAST / 2),
            _ => u64::MAX,
        }
    }

    /// Until when all but keys waits to see whether a question that was asked alone is answered;
    /// `None` if there is nothing to wait for at `now_ns`.
    pub fn hold_ns(&self, now_ns: u64) -> Option<u64> {
        match self.poke {
            Some(Poke::Alone(since_ns)) => Some(since_ns + GRACE_NS).filter(|end| *end > now_ns),
            _ => None,
        }
    }

    /// When a question should be asked alone, if something waits to be sent and may not be: the
    /// last answer may come only after another question.
    pub fn poke_ns(&self) -> Option<u64> {
        let is_due = self.is_measured() && self.poke.is_none() && self.writing.is_none();
        let usual_ns = self.window.round_trip_ns().unwrap_or(0);
        (is_due && !self.questions.is_empty()).then(|| self.asked_ns + usual_ns + POKE_NS)
    }

    /// When text may go out at the earliest that no key brought about; answers may make it later.
    pub fn text_from_ns(&self) -> u64 {
        self.text_ns
    }

    /// How many of the `waiting` bytes of a picture may go out now; zero if it is better to wait
    /// for an answer.
    pub fn takes_picture(&self, waiting: u64) -> u64 {
        if !self.is_measured() {
            return self.blocking.piece().min(waiting);
        }
        let piece = self.window.rate().map_or(self.window.bytes() / 4, |rate| {
            bytes_in(rate, PIECE_NS).clamp(LEAST / 2, MOST_PIECE)
        });
        // With room for a second one, so that an answer that stays away does not stop all.
        let piece = piece.min(self.window.bytes() / 4).max(LEAST / 2);
        let piece = piece.min(waiting);
        let room = self.room();
        if room >= piece || self.under_way() == 0 {
            piece
        } else {
            0
        }
    }

    /// Whether a picture of `bytes` that cannot be cut may go out now: if there is room for all of
    /// it, or nothing before it.
    pub fn takes_whole(&self, bytes: u64) -> bool {
        !self.is_measured() || self.under_way() == 0 || self.room() >= bytes
    }

    /// Bytes that may go out behind those that are under way. How long the first screen takes is
    /// awaited: on a serial line that is seconds.
    fn room(&self) -> u64 {
        match self.delivered {
            0 => 0,
            _ => self.window.bytes().saturating_sub(self.under_way()),
        }
    }

    /// Bytes of pictures that the link is trusted to take in `ns`; `None` if no limit is known.
    pub fn picture_bytes_in(&self, ns: u64) -> Option<u64> {
        let rate = self.rate()?;
        let hope = match self.is_measured() && self.window.is_starting() {
            true => HOPE,
            false => 1,
        };
        Some(bytes_in(rate, ns - ns / TEXT_SHARE).saturating_mul(hope))
    }

    /// An update is about to be handed to the writer: books its bytes, and puts a question behind
    /// it if one is due. `now_ns`: monotonic nanoseconds.
    pub fn send(&mut self, now_ns: u64, cargo: Cargo, update: &mut Vec<u8>) {
        if self.asked_ns == 0 {
            // Ahead of the first screen: the round trip of a link with nothing on it.
            let screen = std::mem::take(update);
            self.ask(now_ns, update);
            update.extend_from_slice(&screen);
        }
        self.judge_poke(now_ns, cargo);
        let bytes = update.len() as u64;
        self.ask(now_ns, update);
        self.sent += update.len() as u64;
        self.writing = Some((now_ns, bytes));
        if let (Cargo::Text | Cargo::TextAndPicture, Some(rate)) = (cargo, self.rate()) {
            let parts = match cargo {
                Cargo::TextAndPicture => TEXT_SHARE,
                _ => 1,
            };
            self.text_ns = now_ns + parts * ns_for(rate, bytes);
        }
    }

    /// A question that was asked alone is not the last one any more: what became of it counts.
    fn judge_poke(&mut self, now_ns: u64, cargo: Cargo) {
        let is_late = matches!(self.poke, Some(Poke::Alone(_))) && self.hold_ns(now_ns).is_none();
        self.poke = (cargo == Cargo::Poke).then_some(Poke::Asked);
        if is_late {
            self.late += 1;
        }
        if self.late >= MOST_LATE {
            self.late = 0;
            self.fall_silent(now_ns);
            self.is_silent = true;
        }
    }

    fn ask(&mut self, now_ns: u64, update: &mut Vec<u8>) {
        let is_due = !self.is_silent || now_ns.saturating_sub(self.asked_ns) > ASK_AGAIN_NS;
        if !self.can_ask || !is_due {
            return;
        }
        if self.questions.is_empty() {
            self.waiting_ns = now_ns;
        }
        if self.under_way() == 0 {
            self.delivered_ns = now_ns;
        }
        let sent = self.sent + update.len() as u64;
        let under_way = sent.saturating_sub(self.delivered);
        let mut question = Question::new(now_ns, sent);
        question.delivered = self.delivered;
        question.delivered_ns = self.delivered_ns;
        question.filled = under_way >= self.window.bytes() / 2;
        let (row, col) = self.questions.ask(question);
        self.asked_ns = now_ns.max(1);
        update.extend_from_slice(format!("\x1b[{row};{col}H\x1b[6n").as_bytes());
    }

    /// The terminal, or what lies before it, has taken the update.
    pub fn taken(&mut self, now_ns: u64) {
        let Some((began_ns, bytes)) = self.writing.take() else {
            return;
        };
        let took_ns = now_ns.saturating_sub(began_ns);
        self.blocking.took(bytes, took_ns);
        // While a write waits no answer is to be expected.
        self.waiting_ns = self.waiting_ns.saturating_add(took_ns).min(now_ns);
        if !self.is_measured() {
            self.delivered = self.sent;
            self.delivered_ns = now_ns;
        }
    }

    /// The terminal says that its cursor stands at `row` and `col`. Says whether that was asked.
    pub fn answered(&mut self, now_ns: u64, row: u16, col: u16) -> bool {
        let Some(question) = self.questions.answer(row, col) else {
            return false;
        };
        if let Some(poke) = &mut self.poke {
            match self.questions.len() {
                0 => (self.poke, self.late) = (None, 0),
                1 => *poke = Poke::Alone(now_ns),
                _ => {}
            }
        }
        let delivered = question.sent.saturating_sub(self.delivered);
        self.delivered = self.delivered.max(question.sent);
        self.delivered_ns = now_ns;
        self.waiting_ns = now_ns;
        self.heard_ns = now_ns;
        self.has_answered = true;
        // One that was waited for in vain says that the terminal lives, and neither how long the way
        // is nor that answers can be waited for: where they always come late, what blocks is the
        // better measure.
        let is_new = now_ns.saturating_sub(question.asked_ns) < PATIENCE_NS.1;
        if question.sent > self.given_up && is_new {
            self.window.learn(now_ns, &question, delivered);
            self.is_silent = false;
            self.misses = 0;
        }
        true
    }

    /// For how long a terminal that used to answer has answered nothing that was due; 0 if none is.
    pub fn overdue_ns(&self, now_ns: u64) -> u64 {
        match self.has_answered && self.misses > 0 && !self.is_silent {
            true => now_ns.saturating_sub(self.heard_ns),
            false => 0,
        }
    }

    /// When [`Link::give_up`] is to be called, if no answer comes before.
    pub fn deadline_ns(&self) -> Option<u64> {
        let is_waiting = !self.questions.is_empty() && self.writing.is_none() && !self.is_silent;
        is_waiting.then(|| self.waiting_ns.saturating_add(self.patience_ns()))
    }

    /// Waits no longer for what is under way if its answer is overdue: it may be lost, or the
    /// terminal stands still. Little is sent then until an answer comes.
    pub fn give_up(&mut self, now_ns: u64) {
        if self.deadline_ns().is_none_or(|deadline| now_ns < deadline) {
            return;
        }
        self.misses += 1;
        self.fall_silent(now_ns);
        self.is_silent = !self.has_answered || self.misses >= MOST_MISSES;
    }

    /// What is under way is not waited for any more.
    fn fall_silent(&mut self, now_ns: u64) {
        self.given_up = self.sent;
        self.waiting_ns = now_ns;
        self.delivered = self.sent;
        self.delivered_ns = now_ns;
        self.window.close();
    }

    /// What is known of the link.
    pub fn reading(&self) -> Reading {
        let is_measured = self.is_measured();
        Reading {
            round_trip_ns: self.window.round_trip_ns().filter(|_| is_measured),
            // Of one that was never full nothing is known but that it can do more.
            rate: self
                .rate()
                .filter(|_| !is_measured || !self.window.is_starting()),
        }
    }

    fn rate(&self) -> Option<f64> {
        match self.is_measured() {
            true => self.window.rate(),
            false => self.blocking.rate(),
        }
    }

    /// How long the answers that are still to come should be waited for before the terminal is
    /// given back: the shell would take them for typed. `None` if none are to come.
    pub fn farewell_ns(&self) -> Option<u64> {
        if self.questions.is_empty() || self.is_silent || self.misses > 0 {
            return None;
        }
        let usual_ns = self.window.round_trip_ns().unwrap_or(FAREWELL_NS / 16);
        Some((4 * usual_ns + 50 * MS).min(FAREWELL_NS))
    }

    /// Bytes handed over that were not answered for.
    fn under_way(&self) -> u64 {
        self.sent.saturating_sub(self.delivered)
    }

    /// Whether answers say what is under way.
    fn is_measured(&self) -> bool {
        self.can_ask && !self.is_silent
    }

    fn patience_ns(&self) -> u64 {
        if !self.has_answered {
            return FIRST_PATIENCE_NS;
        }
        let usual_ns = self.window.round_trip_ns().unwrap_or(0);
        let under_way_ns = self
            .window
            .rate()
            .map_or(0, |rate| ns_for(rate, self.under_way()));
        let (least, most) = PATIENCE_NS;
        let patience = (4 * usual_ns + 2 * under_way_ns).clamp(least, most);
        (patience << self.misses.min(4)).min(most)
    }
}

/// Bytes that pass in `ns` at `rate` bytes a second.
fn bytes_in(rate: f64, ns: u64) -> u64 {
    (rate * ns as f64 / 1e9) as u64
}

/// Nanoseconds that `bytes` take at `rate` bytes a second, at most a minute.
fn ns_for(rate: f64, bytes: u64) -> u64 {
    ((bytes as f64 / rate.max(1.0)).min(60.0) * 1e9) as u64
}

#[cfg(test)]
mod tests;
