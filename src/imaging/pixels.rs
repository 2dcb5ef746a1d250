//! A picture as the bytes that a terminal draws as pixels. Only bytes are made here: where they are
//! written, and when, is the canvas's business.
//!
//! All protocols fill whole cells, so that a picture covers what stood there before; that stretches
//! it by less than a cell.

mod diacritics;
mod iterm2;
mod kitty;
#[cfg(feature = "graphics")]
mod sixel;
#[cfg(not(feature = "graphics"))]
#[path = "pixels/no_sixel.rs"]
mod sixel;

use std::sync::Arc;

use super::picture::Picture;

pub use kitty::{DELETE as DELETE_KITTY, FIRST_IMAGE, placeholder};

/// A way to send pixels to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// kitty's, with placeholders: text and other windows stand in front of it by themselves.
    Kitty,
    /// iTerm2's inline pictures.
    ITerm2,
    /// Sixels, of DEC's terminals.
    Sixel,
}

impl Protocol {
    /// Whether the program was built with it.
    pub fn is_built_in(self) -> bool {
        self != Self::Sixel || cfg!(feature = "graphics")
    }
}

/// How a picture is to be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// The protocol.
    pub protocol: Protocol,
    /// Tells the pictures of a screen apart: [`FIRST_IMAGE`] and the one after it.
    pub image: u8,
    /// Columns and rows of pixels of a cell.
    pub cell_px: (u8, u8),
    /// tmux stands between, and has to be told to hand it on.
    pub through_tmux: bool,
}

/// A picture that a terminal draws as pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// How it is encoded.
    pub protocol: Protocol,
    /// Which picture of the screen it is.
    pub image: u8,
    /// Columns and rows of cells that it fills.
    pub cells: (u16, u16),
    /// What is written: for kitty before its placeholders, else with the cursor at the upper left.
    pub data: Arc<str>,
}

/// Encodes a picture; `None` if it is empty, larger than the protocol allows, or cannot be encoded:
/// then it is drawn in cells.
pub fn encode(picture: &Picture, how: Encoding) -> Option<Pixels> {
    let (across, down) = (u16::from(picture.dots.0), u16::from(picture.dots.1));
    let cells = (
        picture.width_px.div_ceil(across.max(1)),
        picture.height_px.div_ceil(down.max(1)),
    );
    if picture.pixels.is_empty() || cells.0 == 0 || cells.1 == 0 {
        return None;
    }
    let data = match how.protocol {
        Protocol::Kitty => kitty::encode(picture, cells, how)?,
        Protocol::ITerm2 => iterm2::encode(picture, cells)?,
        Protocol::Sixel => sixel::encode(picture, cells, how.cell_px)?,
    };
    Some(Pixels {
        protocol: how.protocol,
        image: how.image,
        cells,
        data: data.into(),
    })
}

/// `bytes` so that tmux hands them to its own terminal. Source: tmux(1), "allow-passthrough".
pub fn through_tmux(bytes: &[u8]) -> Vec<u8> {
    let mut wrapped = b"\x1bPtmux;".to_vec();
    for byte in bytes {
        if *byte == 0x1b {
            wrapped.push(0x1b);
        }
        wrapped.push(*byte);
    }
    wrapped.extend_from_slice(b"\x1b\\");
    wrapped
}

/// Red, green and blue of all pixels, one after the other.
fn rgb(picture: &Picture) -> Option<&[u8]> {
    let bytes = picture.pixels.as_flattened();
    let size = usize::from(picture.width_px) * usize::from(picture.height_px) * 3;
    (bytes.len() == size).then_some(bytes)
}

#[cfg(test)]
mod tests;
