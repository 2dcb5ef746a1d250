//! The screen in signs of 7 bits, for serial lines, old terminals and screen readers.
//!
//! What we draw ourselves has a letter that means the same; what a peer wrote and is in no table
//! becomes `?`. A text keeps its width, so that nothing moves.

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;

/// Our signs and what stands for them.
const SIGNS: &[(&str, char)] = &[
    // rules, crosses, bars of lengths
    ("─━═╌╍⋯–−—", '-'),
    ("│┃┆▏▕▎▍▌▐‖", '|'),
    ("┼┌┐└┘├┤┬┴╭╮╰╯╋", '+'),
    ("╸╺", '-'),
    // lamps: good, held or halfway, under way, bad, worth a look
    ("●", '*'),
    ("◐◑", 'o'),
    ("○◌", '.'),
    ("✕✗❌", 'x'),
    ("⚠", '!'),
    ("■◆▣", '#'),
    ("□◇", '='),
    ("✓✔✅", 'v'),
    ("⏸", '='),
    // pointers and arrows
    ("▸▶→›»", '>'),
    ("◂◀←‹«", '<'),
    ("↑▲△", '^'),
    ("↓▼▽", 'v'),
    ("↔", '-'),
    // levels, low to high
    ("▁", '_'),
    ("▂░", '.'),
    ("▃▔", '-'),
    ("▄▒", '='),
    ("▅▚▞", '+'),
    ("▆▓", '*'),
    ("▇█▉▊▋", '#'),
    ("▀", '"'),
    ("▖▗", '.'),
    ("▘▝", '\''),
    ("▙▛▜▟", '#'),
    // words
    ("…", '~'),
    ("·•∙", '-'),
    ("×", 'x'),
    ("µμ", 'u'),
    ("°", 'o'),
    ("±", '+'),
    ("≈", '~'),
    ("≤", '<'),
    ("≥", '>'),
    ("≠", '!'),
    ("’‘", '\''),
    ("“”„", '"'),
    ("Σ", 'S'),
    ("Δ", 'D'),
    ("σ", 's'),
    ("²", '2'),
    ("³", '3'),
    ("€", 'E'),
    ("\u{a0}", ' '),
    // letters with marks, as names of people and axes have them
    ("ÀÁÂÃÄÅ", 'A'),
    ("àáâãäå", 'a'),
    ("ÈÉÊË", 'E'),
    ("èéêë", 'e'),
    ("ÌÍÎÏ", 'I'),
    ("ìíîï", 'i'),
    ("ÒÓÔÕÖØ", 'O'),
    ("òóôõöø", 'o'),
    ("ÙÚÛÜ", 'U'),
    ("ùúûü", 'u'),
    ("Çç", 'c'),
    ("Ññ", 'n'),
    ("ß", 's'),
];

/// The sign of 7 bits that stands for `sign`; `None` if there is none.
pub fn plain(sign: char) -> Option<char> {
    if sign.is_ascii() {
        return Some(sign);
    }
    let row = SIGNS.iter().find(|(signs, _)| signs.contains(sign));
    row.map(|(_, plain)| *plain)
}

/// Replaces every sign in `area` that has more than 7 bits.
pub fn make_plain(buf: &mut Buffer, area: Rect) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            let Some(cell) = buf.cell_mut((x, y)) else {
                continue;
            };
            if cell.symbol().is_ascii() {
                continue;
            }
            let is_wide = cell.cell_width() > 1;
            let sign = cell.symbol().chars().next().and_then(plain);
            cell.set_char(sign.unwrap_or('?'));
            if is_wide && let Some(half) = buf.cell_mut((x + 1, y)) {
                half.set_char(' ');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::{Modifier, Style};

    #[test]
    fn signs_get_a_letter_and_texts_keep_their_width() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 22, 1));
        let bold = Style::new().add_modifier(Modifier::BOLD);
        buf.set_string(0, 0, "━ ● 5 µm 顕微鏡 Zoë…", bold);
        make_plain(&mut buf, Rect::new(0, 0, 22, 1));
        let shown: String = buf.content().iter().map(|cell| cell.symbol()).collect();
        assert_eq!(shown, "- * 5 um ? ? ?  Zoe~  ");
        assert_eq!(buf[(2, 0)].modifier, Modifier::BOLD);
    }

    #[test]
    fn no_sign_stands_in_the_table_twice() {
        let all: String = SIGNS.iter().map(|(signs, _)| *signs).collect();
        for (at, sign) in all.char_indices() {
            assert_eq!(all.find(sign), Some(at), "{sign}");
            assert!(plain(sign).is_some_and(|plain| plain.is_ascii()));
        }
    }
}
