//! From the bytes a terminal sends to key chords.
//!
//! Our own decoder, because the reading must end when the terminal does: the usual event readers
//! spin when their terminal hangs up in the middle of a read. It knows what xterm, VTE, the Linux
//! console, tmux and screen send for the keys that the action table can name; what it does not
//! know it swallows whole, so that the rest of a long sequence is never taken for typed letters.

mod answer;

use crate::intent::{Key, KeyChord, Mouse};

pub use answer::Answer;

/// What came from the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A key.
    Key(KeyChord),
    /// Text that was pasted, not typed: no key of it is a command.
    Paste(String),
    /// The mouse.
    Mouse(Mouse),
    /// An answer to a question that was put to the terminal, or to nobody's.
    Answer(Answer),
}

/// A decoder with the bytes of an unfinished sequence.
#[derive(Debug, Default)]
pub struct KeyDecoder {
    pending: Vec<u8>,
    pasting: Option<Vec<u8>>,
    /// The string that comes in has lost its middle, so it is no answer any more.
    cut: bool,
}

/// Longest sequence waited for; longer ones are no keys.
const LONGEST_SEQUENCE: usize = 64;
/// Longest string that is kept. Of a longer one the end is waited for all the same, or the rest of
/// it would be typed as letters.
const LONGEST_STRING: usize = 4 * 1024;
/// Most of a paste that is kept.
const LONGEST_PASTE: usize = 64 * 1024;
const PASTE_END: &[u8] = b"\x1b[201~";

enum Step {
    /// This many bytes are done; they meant this.
    Took(usize, Option<Typed>),
    /// The sequence may go on.
    More,
}

impl KeyDecoder {
    /// Decodes what was read.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Typed> {
        self.pending.extend_from_slice(bytes);
        self.decode(false)
    }

    /// To be called when nothing followed for a moment: a lone ESC was the Escape key.
    pub fn flush(&mut self) -> Vec<Typed> {
        self.decode(true)
    }

    /// Whether something unfinished waits for more bytes.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty() || self.pasting.is_some()
    }

    /// Whether it swallows what comes until an end that may have got lost: of a paste, or of a
    /// string that a terminal answers with.
    pub fn is_swallowing(&self) -> bool {
        self.pasting.is_some() || self.is_in_string()
    }

    fn is_in_string(&self) -> bool {
        matches!(
            self.pending[..],
            [0x1b, b'P' | b']' | b'_' | b'^', _, _, ..]
        )
    }

    /// To be called when that has lasted for long: keys must work again.
    pub fn give_up_swallowing(&mut self) {
        if self.is_swallowing() {
            self.pasting = None;
            self.pending.clear();
            self.cut = false;
        }
    }

    fn decode(&mut self, at_end: bool) -> Vec<Typed> {
        let mut typed = Vec::new();
        while !self.pending.is_empty() {
            if self.pasting.is_some() {
                self.hear_stop_in_paste(&mut typed);
                if !self.decode_paste(&mut typed) {
                    break;
                }
                continue;
            }
            match step(&self.pending, at_end) {
                Step::Took(count, meaning) => {
                    let begins_paste = self.pending.starts_with(b"\x1b[200~");
                    self.pending.drain(..count.min(self.pending.len()));
                    if begins_paste {
                        self.pasting = Some(Vec::new());
                    }
                    let is_cut = std::mem::take(&mut self.cut);
                    typed.extend(meaning.filter(|_| !is_cut));
                }
                Step::More if self.is_in_string() => {
                    self.cut_string();
                    break;
                }
                Step::More if self.pending.len() > LONGEST_SEQUENCE => self.pending.clear(),
                Step::More => break,
            }
        }
        typed
    }

    /// Forgets the middle of a string that is too long; the last byte may begin its end.
    fn cut_string(&mut self) {
        if self.pending.len() > LONGEST_STRING {
            let last = self.pending.pop();
            self.pending.truncate(4);
            self.pending.extend(last);
            self.cut = true;
        }
    }

    /// A paste whose end got lost must not swallow a stop: Ctrl-X in one is a key.
    fn hear_stop_in_paste(&mut self, typed: &mut Vec<Typed>) {
        const CTRL_X: u8 = 0x18;
        while let Some(at) = self.pending.iter().position(|byte| *byte == CTRL_X) {
            if find(&self.pending[..at], PASTE_END).is_some() {
                return;
            }
            self.pending.remove(at);
            typed.push(Typed::Key(KeyChord::ctrl('x')));
        }
    }

    /// Moves pasted bytes over; false when more are needed.
    fn decode_paste(&mut self, typed: &mut Vec<Typed>) -> bool {
        let Some(text) = &mut self.pasting else {
            return true;
        };
        let end = find(&self.pending, PASTE_END);
        // The last bytes may be the beginning of the end marker.
        let take = end.unwrap_or(self.pending.len().saturating_sub(PASTE_END.len() - 1));
        let room = LONGEST_PASTE.saturating_sub(text.len());
        text.extend(self.pending.drain(..take).take(room));
        if end.is_none() {
            return false;
        }
        self.pending.drain(..PASTE_END.len());
        let text = std::mem::take(text);
        self.pasting = None;
        typed.push(Typed::Paste(String::from_utf8_lossy(&text).into_owned()));
        true
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn key(key: Key) -> Option<Typed> {
    Some(Typed::Key(KeyChord::plain(key)))
}

fn step(bytes: &[u8], at_end: bool) -> Step {
    match bytes {
        [0x1b] if at_end => Step::Took(1, key(Key::Esc)),
        [0x1b] => Step::More,
        [0x1b, 0x1b, ..] => Step::Took(1, key(Key::Esc)),
        [0x1b, b'[', rest @ ..] => csi(rest, at_end),
        // A control character never belongs to a sequence: Ctrl-X must be heard.
        [0x1b, b'O', last, ..] if *last >= 0x20 => Step::Took(3, ss3(*last)),
        [0x1b, b'O'] if !at_end => Step::More,
        // Strings that terminals answer with: swallowed up to their end.
        [0x1b, introducer @ (b'P' | b']' | b'_' | b'^'), rest @ ..]
            if !at_end || rest.len() > 1 =>
        {
            string(*introducer, rest)
        }
        [0x1b, rest @ ..] => match step(rest, at_end) {
            Step::Took(count, meaning) => Step::Took(count + 1, meaning.map(with_alt)),
            Step::More => Step::More,
        },
        [first, ..] => plain(*first, bytes, at_end),
        [] => Step::More,
    }
}

fn with_alt(typed: Typed) -> Typed {
    match typed {
        Typed::Key(chord) => Typed::Key(KeyChord { alt: true, ..chord }),
        paste => paste,
    }
}

fn plain(first: u8, bytes: &[u8], at_end: bool) -> Step {
    let ctrl = |c: u8| Some(Typed::Key(KeyChord::ctrl(char::from(c))));
    match first {
        b'\r' | b'\n' => Step::Took(1, key(Key::Enter)),
        b'\t' => Step::Took(1, key(Key::Tab)),
        0x08 | 0x7f => Step::Took(1, key(Key::Backspace)),
        0x00 => Step::Took(1, ctrl(b' ')),
        0x01..=0x1a => Step::Took(1, ctrl(first + b'a' - 1)),
        0x1c..=0x1f => Step::Took(1, ctrl(first + b'4' - 0x1c)),
        0x20..=0x7e => Step::Took(1, key(Key::Char(char::from(first)))),
        _ => utf8(first, bytes, at_end),
    }
}

fn utf8(first: u8, bytes: &[u8], at_end: bool) -> Step {
    let len = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Step::Took(1, None),
    };
    let broken = |byte: &u8| !(0x80..=0xbf).contains(byte);
    if bytes.iter().take(len).skip(1).any(broken) {
        return Step::Took(1, None);
    }
    match bytes.get(..len) {
        Some(whole) => match std::str::from_utf8(whole) {
            Ok(text) => Step::Took(len, text.chars().next().and_then(|c| key(Key::Char(c)))),
            Err(_) => Step::Took(1, None),
        },
        None if at_end => Step::Took(1, None),
        None => Step::More,
    }
}

/// `ESC O x`: function and cursor keys in application mode.
fn ss3(last: u8) -> Option<Typed> {
    match last {
        b'P'..=b'S' => key(Key::F(last - b'P' + 1)),
        b'M' => key(Key::Enter),
        other => cursor(other).and_then(key),
    }
}

fn cursor(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        _ => return None,
    })
}

/// `ESC [ … x`. Source of the numbers: xterm's control sequences, "PC-Style Function Keys".
fn csi(rest: &[u8], at_end: bool) -> Step {
    // The Linux console sends F1 to F5 as ESC [ [ A to E.
    if let [b'[', last, ..] = rest
        && *last >= 0x20
    {
        let meaning = matches!(last, b'A'..=b'E').then(|| Key::F(last - b'A' + 1));
        return Step::Took(4, meaning.and_then(key));
    }
    // A mouse report of the oldest form: three bytes follow, which must not type letters. We never
    // ask for it; a program that died before us may have.
    if let [b'M', report @ ..] = rest {
        let bytes = report.iter().take(3).take_while(|byte| **byte >= 0x20);
        return match bytes.count() {
            0..3 if report.len() < 3 && !at_end && report.iter().all(|b| *b >= 0x20) => Step::More,
            count => Step::Took(3 + count, None),
        };
    }
    let Some(end) = rest
        .iter()
        .position(|byte| (0x40..=0x7e).contains(byte) || *byte < 0x20)
    else {
        return if at_end {
            Step::Took(rest.len() + 2, None)
        } else {
            Step::More
        };
    };
    if rest[end] < 0x20 {
        // A control character breaks a sequence off and counts itself: Ctrl-X must be heard.
        return Step::Took(end + 2, None);
    }
    let (parameters, last) = (&rest[..end], rest[end]);
    if let Some(report) = parameters.strip_prefix(b"<") {
        return Step::Took(end + 3, answer::mouse(report, last).map(Typed::Mouse));
    }
    if let Some(answer) = answer::control(parameters, last) {
        return Step::Took(end + 3, Some(Typed::Answer(answer)));
    }
    if parameters.ends_with(b":3") {
        // kitty tells of a key that was let go.
        return Step::Took(end + 3, None);
    }
    let mut numbers = parameters.split(|byte| *byte == b';').map(|field| {
        let digits = field.split(|byte| *byte == b':').next()?;
        std::str::from_utf8(digits).ok()?.parse::<u16>().ok()
    });
    let first = numbers.next().flatten();
    let modifiers = numbers.next().flatten().unwrap_or(1).saturating_sub(1);
    let third = numbers.next().flatten();
    let key = match last {
        b'Z' => Some(Key::BackTab),
        b'P'..=b'S' => Some(Key::F(last - b'P' + 1)),
        b'u' => first.and_then(code_point),
        b'~' if first == Some(27) => third.and_then(code_point),
        b'~' => first.and_then(tilde),
        other => cursor(other),
    };
    Step::Took(end + 3, key.map(|key| modified(key, modifiers)))
}

fn modified(key: Key, modifiers: u16) -> Typed {
    let shift = modifiers & 1 != 0;
    let key = match key {
        // With these encodings Shift may come as a modifier of the plain letter.
        Key::Char(c) if shift && c.is_ascii_lowercase() => Key::Char(c.to_ascii_uppercase()),
        Key::Tab if shift => Key::BackTab,
        other => other,
    };
    Typed::Key(KeyChord {
        key,
        alt: modifiers & 2 != 0,
        ctrl: modifiers & 4 != 0,
    })
}

/// The key of a character that came as a number: xterm's `modifyOtherKeys` sends Ctrl-X as
/// `ESC [ 27 ; 5 ; 120 ~`, tmux's `extended-keys` and kitty as `ESC [ 120 ; 5 u`. We ask for
/// neither, and some are set up to send it all the same.
fn code_point(number: u16) -> Option<Key> {
    Some(match number {
        8 | 127 => Key::Backspace,
        9 => Key::Tab,
        13 => Key::Enter,
        27 => Key::Esc,
        // kitty puts keys that have no character, such as those of a number pad, here.
        0xe000..=0xf8ff => return None,
        _ => Key::Char(char::from_u32(u32::from(number)).filter(|c| !c.is_control())?),
    })
}

fn tilde(number: u16) -> Option<Key> {
    Some(match number {
        1 | 7 => Key::Home,
        2 => Key::Insert,
        3 => Key::Delete,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        11..=15 => Key::F(u8::try_from(number - 10).ok()?),
        17..=21 => Key::F(u8::try_from(number - 11).ok()?),
        23 | 24 => Key::F(u8::try_from(number - 12).ok()?),
        _ => return None,
    })
}

/// A device's answer: ends with BEL or ESC \, and any other control character breaks it off.
fn string(introducer: u8, rest: &[u8]) -> Step {
    let whole = |end: usize| {
        let text = rest[..end].to_vec();
        let answer = Typed::Answer(Answer::Text { introducer, text });
        (end <= LONGEST_STRING).then_some(answer)
    };
    match rest.iter().position(|byte| *byte < 0x20) {
        Some(at) if rest[at] == 0x07 => Step::Took(at + 3, whole(at)),
        Some(at) if rest[at..].starts_with(b"\x1b\\") => Step::Took(at + 4, whole(at)),
        Some(at) if rest[at..] == *b"\x1b" => Step::More,
        Some(at) => Step::Took(at + 2, None),
        None => Step::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Vec<Typed> {
        let mut decoder = KeyDecoder::default();
        let mut typed = decoder.push(bytes);
        typed.extend(decoder.flush());
        typed
    }

    fn chord(key: Key, ctrl: bool, alt: bool) -> Typed {
        Typed::Key(KeyChord { key, ctrl, alt })
    }

    #[test]
    fn what_terminals_send_is_understood() {
        let cases: &[(&[u8], Typed)] = &[
            (b"q", chord(Key::Char('q'), false, false)),
            (b"G", chord(Key::Char('G'), false, false)),
            ("é".as_bytes(), chord(Key::Char('é'), false, false)),
            (b"\x18", chord(Key::Char('x'), true, false)),
            (b"\x03", chord(Key::Char('c'), true, false)),
            (b"\x1b", chord(Key::Esc, false, false)),
            (b"\x1bx", chord(Key::Char('x'), false, true)),
            (b"\r", chord(Key::Enter, false, false)),
            (b"\x7f", chord(Key::Backspace, false, false)),
            (b"\x1b[A", chord(Key::Up, false, false)),
            (b"\x1bOB", chord(Key::Down, false, false)),
            (b"\x1b[1;5C", chord(Key::Right, true, false)),
            (b"\x1b[1;3D", chord(Key::Left, false, true)),
            (b"\x1b[Z", chord(Key::BackTab, false, false)),
            (b"\x1b[3~", chord(Key::Delete, false, false)),
            (b"\x1b[5~", chord(Key::PageUp, false, false)),
            (b"\x1bOP", chord(Key::F(1), false, false)),
            (b"\x1b[[C", chord(Key::F(3), false, false)),
            (b"\x1b[15~", chord(Key::F(5), false, false)),
            (b"\x1b[24~", chord(Key::F(12), false, false)),
            (b"\x1b[27;5;120~", chord(Key::Char('x'), true, false)),
            (b"\x1b[120;5u", chord(Key::Char('x'), true, false)),
            (b"\x1b[27;2;71~", chord(Key::Char('G'), false, false)),
            (b"\x1b[120;5:1u", chord(Key::Char('x'), true, false)),
            (b"\x1b[103;2u", chord(Key::Char('G'), false, false)),
            (b"\x1b[27u", chord(Key::Esc, false, false)),
            (b"\x1b[9;2u", chord(Key::BackTab, false, false)),
            (b"\x1b[200~a\rb\x1b[201~", Typed::Paste("a\rb".into())),
        ];
        for (bytes, typed) in cases {
            assert_eq!(all(bytes), std::slice::from_ref(typed), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_key_types_nothing() {
        for bytes in [
            &b"\x1b[M qr"[..],
            b"\x1b[<0;0;20M",
            b"\x1b[<0;10M",
            b"\x1b[<99999;10;20M",
            b"\x1b[<66;10;20M",
            b"\x1b[M q",
            b"\x1b[M",
            b"\x1b[57441;5u",
            b"\x1b[120;5:3u",
            b"\x1b[I",
            b"\xff",
        ] {
            assert_eq!(all(bytes), [], "{bytes:?}");
        }
    }

    #[test]
    fn what_a_terminal_answers_is_handed_on() {
        let control = |parameters: &[u8], last| {
            let parameters = parameters.to_vec();
            Answer::Control { parameters, last }
        };
        let text = |introducer, text: &[u8]| {
            let text = text.to_vec();
            Answer::Text { introducer, text }
        };
        let cases: &[(&[u8], Answer)] = &[
            (b"\x1b[?62;22c", control(b"?62;22", b'c')),
            (b"\x1b[0n", control(b"0", b'n')),
            (b"\x1b[7;3R", control(b"7;3", b'R')),
            (b"\x1b[6;20;10t", control(b"6;20;10", b't')),
            (b"\x1b[?2026;2$y", control(b"?2026;2$", b'y')),
            (b"\x1b[?0u", control(b"?0", b'u')),
            (b"\x1b]11;rgb:ff/ff/ff\x07", text(b']', b"11;rgb:ff/ff/ff")),
            (b"\x1bP>|tmux 3.3a\x1b\\", text(b'P', b">|tmux 3.3a")),
            (b"\x1b_Gi=1;OK\x1b\\", text(b'_', b"Gi=1;OK")),
        ];
        for (bytes, answer) in cases {
            assert_eq!(all(bytes), [Typed::Answer(answer.clone())], "{bytes:?}");
        }
    }

    #[test]
    fn where_the_cursor_stands_is_no_function_key() {
        let cursor = |bytes: &[u8]| match all(bytes).pop() {
            Some(Typed::Answer(answer)) => answer.cursor(),
            _ => None,
        };
        assert_eq!(cursor(b"\x1b[7;3R"), Some((7, 3)));
        for bytes in [
            &b"\x1b[7;3;1R"[..],
            b"\x1b[99999;1R",
            b"\x1b[;R",
            b"\x1b[7;3n",
        ] {
            assert_eq!(cursor(bytes), None, "{bytes:?}");
        }
        for (bytes, ctrl) in [(&b"\x1b[R"[..], false), (b"\x1b[1;5R", true)] {
            assert_eq!(all(bytes), [chord(Key::F(3), ctrl, false)], "{bytes:?}");
        }
    }

    #[test]
    fn a_string_is_kept_whole_or_swallowed_whole() {
        let answer = |length: usize| {
            let mut bytes = b"\x1bP".to_vec();
            bytes.resize(length, b'q');
            bytes.extend_from_slice(b"\x1b\\j");
            bytes
        };
        let j = chord(Key::Char('j'), false, false);
        for (length, is_kept) in [(66, true), (4_000, true), (4_100, false), (70_000, false)] {
            for piece in [1, 7, 1_024] {
                let mut decoder = KeyDecoder::default();
                let bytes = answer(length);
                let pieces = bytes.chunks(piece).flat_map(|bytes| decoder.push(bytes));
                let typed: Vec<Typed> = pieces.collect();
                assert_eq!(typed.last(), Some(&j), "{length} in {piece}");
                let kept = matches!(&typed[0], Typed::Answer(Answer::Text { text, .. })
                    if text.len() == length - 2);
                assert_eq!((kept, typed.len()), (is_kept, 1 + usize::from(is_kept)));
            }
        }
        // The stop is heard in the middle, and what follows an overlong string is an answer again.
        let mut decoder = KeyDecoder::default();
        assert!(decoder.push(&answer(5_000)[..5_000]).is_empty());
        assert_eq!(decoder.push(b"\x18"), [chord(Key::Char('x'), true, false)]);
        assert!(matches!(decoder.push(b"\x1b[0n")[..], [Typed::Answer(_)]));
    }

    #[test]
    fn the_mouse_is_understood() {
        use crate::intent::{MouseButton as Button, MouseDeed as Deed};
        let cases: &[(&[u8], Deed, bool)] = &[
            (b"\x1b[<0;10;20M", Deed::Press(Button::Left), false),
            (b"\x1b[<2;10;20m", Deed::Release(Button::Right), false),
            (b"\x1b[<36;10;20M", Deed::Drag(Button::Left), true),
            (b"\x1b[<35;10;20M", Deed::Move, false),
            (b"\x1b[<64;10;20M", Deed::WheelUp, false),
            (b"\x1b[<65;10;20M", Deed::WheelDown, false),
        ];
        for (bytes, deed, shift) in cases.iter().copied() {
            let mouse = Mouse {
                deed,
                col: 9,
                row: 19,
                shift,
                alt: false,
                ctrl: false,
            };
            assert_eq!(all(bytes), [Typed::Mouse(mouse)], "{bytes:?}");
        }
    }

    #[test]
    fn a_stop_behind_rubbish_is_still_heard() {
        for bytes in [
            &b"\x1b[?62;22c\x18"[..],
            b"\x1b[999;999\x18",
            b"\x1b]11;rgb:\x18",
            b"\x1b[M q\x18",
            b"\x1bP\x18",
            b"\x1b[[\x18",
            b"\xe2\x18",
            b"\xf0\x90\x18",
        ] {
            let last = all(bytes).pop();
            assert_eq!(last, Some(chord(Key::Char('x'), true, false)), "{bytes:?}");
        }
        let alt_o = chord(Key::Char('O'), false, true);
        let ctrl_x = chord(Key::Char('x'), true, false);
        assert_eq!(all(b"\x1bO\x18"), [alt_o, ctrl_x]);
        let mut decoder = KeyDecoder::default();
        assert!(decoder.push(b"\x1b[200~lost end").is_empty());
        assert_eq!(decoder.push(b"\x18"), [chord(Key::Char('x'), true, false)]);
        decoder.give_up_swallowing();
        assert_eq!(decoder.push(b"\x18"), [chord(Key::Char('x'), true, false)]);
        // Within a whole paste as well: a stop too many does no harm.
        assert_eq!(
            all(b"\x1b[200~a\x18b\x1b[201~"),
            [
                chord(Key::Char('x'), true, false),
                Typed::Paste("ab".into())
            ]
        );
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(bytes in prop::collection::vec(any::<u8>(), 0..80), cut in 0_usize..80) {
            let whole = all(&bytes);
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            let mut decoder = KeyDecoder::default();
            let mut typed = decoder.push(left);
            typed.extend(decoder.push(right));
            typed.extend(decoder.flush());
            prop_assert_eq!(typed, whole);
        }
    }
}
