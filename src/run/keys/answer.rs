//! What a terminal sends that no key made: reports of the mouse, and answers to questions.
//!
//! An answer is handed on as it came. Only who asked knows what it means, and a terminal answers as
//! it likes: nothing here trusts it.

use crate::intent::{Mouse, MouseButton, MouseDeed};

/// An answer of the terminal to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `ESC [ parameters last`.
    Control {
        /// Everything before the last byte.
        parameters: Vec<u8>,
        /// The byte that says what it is.
        last: u8,
    },
    /// A string: `ESC introducer text ESC \`.
    Text {
        /// `P`, `]`, `_` or `^`.
        introducer: u8,
        /// What it holds.
        text: Vec<u8>,
    },
}

/// The answer that a control sequence is; `None` for what a key may have sent.
///
/// Source: xterm's control sequences: device attributes (`? … c`, `> … c`), status (`0 n`), the
/// cursor's row and column (`… ; … R`), modes (`? … $ y`), sizes (`4`, `6` or `8 ; … t`); kitty's
/// keyboard flags (`? … u`).
pub(super) fn control(parameters: &[u8], last: u8) -> Option<Answer> {
    let is_answer = match last {
        b'c' | b'n' | b't' => true,
        b'u' => parameters.starts_with(b"?"),
        // With a 1 in front it is F3 with a modifier.
        b'R' => parameters.contains(&b';') && !parameters.starts_with(b"1;"),
        b'y' => parameters.ends_with(b"$"),
        _ => false,
    };
    is_answer.then(|| Answer::Control {
        parameters: parameters.to_vec(),
        last,
    })
}

impl Answer {
    /// The cursor's row and column, counted from 1, if it is that.
    pub fn cursor(&self) -> Option<(u16, u16)> {
        let Self::Control {
            parameters,
            last: b'R',
        } = self
        else {
            return None;
        };
        let (row, col) = std::str::from_utf8(parameters).ok()?.split_once(';')?;
        Some((row.parse().ok()?, col.parse().ok()?))
    }
}

/// The report of a mouse that `ESC [ < parameters last` is. Source: xterm's control sequences, "SGR
/// (1006)": two bits of a button, 4 for shift, 8 for alt, 16 for control, 32 for a movement, 64 for
/// the wheel; columns and rows count from 1.
pub(super) fn mouse(parameters: &[u8], last: u8) -> Option<Mouse> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut numbers = text.split(';').map(|number| number.parse::<u16>().ok());
    let code = numbers.next()??;
    let (col, row) = (numbers.next()??, numbers.next()??);
    let button = match code & 3 {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        _ => None,
    };
    let deed = match (code & 64 != 0, code & 32 != 0, last, button) {
        (true, _, b'M', Some(MouseButton::Left)) => MouseDeed::WheelUp,
        (true, _, b'M', Some(MouseButton::Middle)) => MouseDeed::WheelDown,
        (true, ..) => return None,
        (_, true, b'M', Some(button)) => MouseDeed::Drag(button),
        (_, true, b'M', None) => MouseDeed::Move,
        (_, false, b'M', Some(button)) => MouseDeed::Press(button),
        (_, _, b'm', Some(button)) => MouseDeed::Release(button),
        _ => return None,
    };
    Some(Mouse {
        deed,
        col: col.checked_sub(1)?,
        row: row.checked_sub(1)?,
        shift: code & 4 != 0,
        alt: code & 8 != 0,
        ctrl: code & 16 != 0,
    })
}
