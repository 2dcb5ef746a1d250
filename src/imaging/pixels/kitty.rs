//! kitty's graphics protocol with Unicode placeholders. Source: kitty's documentation, "Terminal
//! graphics protocol".
//!
//! The pixels are sent under one number, which replaces those of the picture before; where they are
//! shown is said by placeholders, which are text. So whatever is drawn over them covers the picture,
//! a terminal that scrolls or a tmux that splits takes it along, and nothing has to be erased.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Encoding, Picture, diacritics, rgb, through_tmux};

/// The number of our first picture; the second, where two are compared, has the next. It is the
/// colour of its placeholders among the 256, by which they say whose they are.
pub const FIRST_IMAGE: u8 = 61;
/// Takes both out of the terminal's memory.
pub const DELETE: &str = "\x1b_Ga=d,d=R,x=61,y=62,q=2\x1b\\";

/// Most bytes of a piece: what the protocol allows.
const PIECE: usize = 4_096;
/// The character that stands for a part of a picture.
const PLACEHOLDER: char = '\u{10eeee}';

/// The text of the cell that shows row and column of a picture; `None` beyond what can be said.
pub fn placeholder((col, row): (u16, u16)) -> Option<String> {
    let (row, col) = (diacritics::mark(row)?, diacritics::mark(col)?);
    Some([PLACEHOLDER, row, col].iter().collect())
}

/// The pixels for so many columns and rows of cells, scaled by the terminal.
pub(super) fn encode(picture: &Picture, (cols, rows): (u16, u16), how: Encoding) -> Option<String> {
    if cols > diacritics::COUNT || rows > diacritics::COUNT {
        return None;
    }
    let text = STANDARD.encode(rgb(picture)?);
    let image = how.image;
    let (width, height) = (picture.width_px, picture.height_px);
    let mut data = String::with_capacity(text.len() + text.len() / 100 + 200);
    let mut rest = text.as_str();
    let mut is_first = true;
    while is_first || !rest.is_empty() {
        let (piece, after) = rest.split_at(PIECE.min(rest.len()));
        let more = u8::from(!after.is_empty());
        let control = match is_first {
            true => format!(
                "a=T,U=1,i={image},f=24,s={width},v={height},c={cols},r={rows},q=2,m={more}"
            ),
            false => format!("m={more}"),
        };
        let command = format!("\x1b_G{control};{piece}\x1b\\");
        match how.through_tmux {
            true => data.push_str(&String::from_utf8_lossy(&through_tmux(command.as_bytes()))),
            false => data.push_str(&command),
        }
        (rest, is_first) = (after, false);
    }
    Some(data)
}
