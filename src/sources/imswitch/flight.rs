//! Whether a command may still be sent, decided in one place for those who send and for those who
//! stop: exactly one of them wins.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::control::StopBoard;

/// One command on its way out.
#[derive(Debug)]
pub(super) struct Flight {
    board: StopBoard,
    /// It makes the instrument quieter: a stop lets it pass.
    is_calming: bool,
    /// The newest stop when it was asked: a newer one makes it void, also once cleared.
    stop_number: u64,
    state: AtomicU8,
    /// No further call of it may be sent.
    is_over: AtomicBool,
}

const WAITING: u8 = 0;
const SENDING: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Flight {
    pub(super) fn new(board: StopBoard, is_calming: bool, stop_number: u64) -> Self {
        Self {
            board,
            is_calming,
            stop_number,
            state: AtomicU8::new(WAITING),
            is_over: AtomicBool::new(false),
        }
    }

    /// To be asked right before each write; after a `true` it may be on the wire.
    pub(super) fn may_send(&self) -> bool {
        let is_let = self.is_calming || self.board.lets_pass(self.stop_number);
        if self.is_over.load(Ordering::SeqCst) || !is_let {
            return false;
        }
        let order = Ordering::SeqCst;
        let before = self
            .state
            .compare_exchange(WAITING, SENDING, order, order)
            .unwrap_or_else(|state| state);
        before != WITHDRAWN
    }

    /// Takes it back; `true` if nothing of it was or will be sent. Further calls of one that was
    /// sent in part are not sent.
    pub(super) fn withdraw(&self) -> bool {
        self.is_over.store(true, Ordering::SeqCst);
        let order = Ordering::SeqCst;
        let before = self
            .state
            .compare_exchange(WAITING, WITHDRAWN, order, order)
            .unwrap_or_else(|state| state);
        before != SENDING
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, StopOrigin};

    fn flight(is_calming: bool) -> (StopBoard, Flight) {
        let board = StopBoard::new(Clock::manual(0), 1);
        (board.clone(), Flight::new(board, is_calming, 0))
    }

    #[test]
    fn what_was_withdrawn_is_not_sent_and_what_is_sent_is_not_withdrawn() {
        let (_, one) = flight(false);
        assert!(one.withdraw() && !one.may_send() && one.withdraw());
        let (_, other) = flight(false);
        assert!(other.may_send() && other.may_send());
        assert!(!other.withdraw() && !other.may_send());
    }

    #[test]
    fn a_stop_lets_only_calming_commands_pass() {
        for is_calming in [false, true] {
            let (board, flight) = flight(is_calming);
            board.press(StopOrigin::Key);
            assert_eq!(flight.may_send(), is_calming);
            // Refused at the gate, it was not sent.
            assert_eq!(flight.withdraw(), !is_calming);
        }
    }

    #[test]
    fn a_stop_that_was_cleared_voids_what_was_asked_before_it() {
        for is_calming in [false, true] {
            let (board, flight) = flight(is_calming);
            board.press(StopOrigin::Key);
            board.clear(board.number());
            assert_eq!(flight.may_send(), is_calming);
            let later = Flight::new(board.clone(), is_calming, board.number());
            assert!(later.may_send());
        }
    }
}
