//! The live image socket: a header of 40 bytes, then the pixels, again and again.
//!
//! The stream has no marker and cannot be resynchronised: a header that cannot be true ends the
//! connection. There is no time and no frame number in it; frames are counted here, and whoever
//! reads the socket knows when they came.
//!
//! Source: protocol description, section 9. Older clients label the words from byte 20 on as
//! timestamp, frame number and exposure; they are not.

use bytes::buf::Limit;
use bytes::{BufMut, Bytes, BytesMut};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 40;

/// The most pixels a header may announce, bytes.
pub const MAX_IMAGE_BYTES: u32 = 64 * 1024 * 1024;

/// The longest side a header may announce.
pub const MAX_SIDE_PX: u32 = 16_384;

/// What precedes every picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveHeader {
    /// Bytes of pixels that follow; 0 when only options changed.
    pub image_bytes: u32,
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// The value the server would show as black.
    pub scale_min: u32,
    /// The value the server would show as white.
    pub scale_max: u32,
    /// Number of the camera.
    pub device_index: u32,
    /// How the server's own viewer would show it.
    pub options: LiveOptions,
    /// Where the crosshair is: x in the high half, y in the low one. See [`LiveHeader::crosshair`].
    pub crosshair_word: u32,
    /// First plane of a stack that the picture was made of.
    pub index_start: i32,
    /// Last plane.
    pub index_stop: i32,
}

/// The display flags of a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveOptions(pub u32);

/// What the live socket says.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveItem {
    /// A picture.
    Frame(LiveFrame),
    /// Changed options and scale; no picture, and no end of the stream.
    Options(LiveHeader),
}

/// One picture: 16-bit grey, little-endian, row-major, without row padding.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveFrame {
    /// Its number on this connection, from 1; counted here.
    pub number: u64,
    /// What was said about it.
    pub header: LiveHeader,
    /// `2 * width_px * height_px` bytes.
    pub pixels: Bytes,
}

/// A header that cannot be true. Nothing behind it can be understood: close the socket and connect
/// again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// The length is not that of 16-bit pixels.
    #[error(
        "a header announces {image_bytes} bytes for {width_px}x{height_px} pixels of 16 bits; connecting again"
    )]
    WrongLength {
        /// Bytes announced.
        image_bytes: u32,
        /// Columns announced.
        width_px: u32,
        /// Rows announced.
        height_px: u32,
    },
    /// More bytes than any camera has.
    #[error(
        "a header announces {image_bytes} bytes, at most {MAX_IMAGE_BYTES} are believed; connecting again"
    )]
    TooLong {
        /// Bytes announced.
        image_bytes: u32,
    },
    /// More rows or columns than any camera has.
    #[error(
        "a header announces {width_px}x{height_px} pixels, at most {MAX_SIDE_PX} a side are believed; connecting again"
    )]
    TooLarge {
        /// Columns announced.
        width_px: u32,
        /// Rows announced.
        height_px: u32,
    },
}

impl LiveHeader {
    /// Reads a header; any 40 bytes are one. See [`LiveHeader::check`].
    pub fn decode(h: &[u8; HEADER_BYTES]) -> Self {
        Self {
            image_bytes: u32::from_le_bytes([h[0], h[1], h[2], h[3]]),
            width_px: u32::from_le_bytes([h[4], h[5], h[6], h[7]]),
            height_px: u32::from_le_bytes([h[8], h[9], h[10], h[11]]),
            scale_min: u32::from_le_bytes([h[12], h[13], h[14], h[15]]),
            scale_max: u32::from_le_bytes([h[16], h[17], h[18], h[19]]),
            device_index: u32::from_le_bytes([h[20], h[21], h[22], h[23]]),
            options: LiveOptions(u32::from_le_bytes([h[24], h[25], h[26], h[27]])),
            crosshair_word: u32::from_le_bytes([h[28], h[29], h[30], h[31]]),
            index_start: i32::from_le_bytes([h[32], h[33], h[34], h[35]]),
            index_stop: i32::from_le_bytes([h[36], h[37], h[38], h[39]]),
        }
    }

    /// The header's bytes.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEADER_BYTES);
        bytes.put_u32_le(self.image_bytes);
        bytes.put_u32_le(self.width_px);
        bytes.put_u32_le(self.height_px);
        bytes.put_u32_le(self.scale_min);
        bytes.put_u32_le(self.scale_max);
        bytes.put_u32_le(self.device_index);
        bytes.put_u32_le(self.options.0);
        bytes.put_u32_le(self.crosshair_word);
        bytes.put_i32_le(self.index_start);
        bytes.put_i32_le(self.index_stop);
        bytes.freeze()
    }

    /// Whether this can be the header of a picture or of changed options.
    ///
    /// # Errors
    /// The sizes contradict one another or are beyond belief.
    pub fn check(&self) -> Result<(), LiveError> {
        let (image_bytes, width_px, height_px) = (self.image_bytes, self.width_px, self.height_px);
        if width_px > MAX_SIDE_PX || height_px > MAX_SIDE_PX {
            return Err(LiveError::TooLarge {
                width_px,
                height_px,
            });
        }
        if image_bytes > MAX_IMAGE_BYTES {
            return Err(LiveError::TooLong { image_bytes });
        }
        let pixels = u64::from(width_px).saturating_mul(u64::from(height_px));
        if image_bytes != 0 && u64::from(image_bytes) != pixels.saturating_mul(2) {
            return Err(LiveError::WrongLength {
                image_bytes,
                width_px,
                height_px,
            });
        }
        Ok(())
    }

    /// Where the crosshair is, `(x, y)` in pixels, if it is on.
    pub fn crosshair(&self) -> Option<(u16, u16)> {
        let [y_low, y_high, x_low, x_high] = self.crosshair_word.to_le_bytes();
        self.options.crosshair().then_some((
            u16::from_le_bytes([x_low, x_high]),
            u16::from_le_bytes([y_low, y_high]),
        ))
    }

    /// The first and last plane of a maximum projection; `None` for any other picture.
    pub fn projected_planes(&self) -> Option<(i32, i32)> {
        self.options
            .maximum_projection()
            .then_some((self.index_start, self.index_stop))
    }
}

impl LiveOptions {
    /// A picture as the camera took it.
    pub const CAMERA_IMAGE: u32 = 0x10;
    /// A maximum projection of several planes.
    pub const MAXIMUM_PROJECTION: u32 = 0x20;
    /// A crosshair is shown.
    pub const CROSSHAIR: u32 = 0x04;

    /// A camera picture. Old servers set no flag at all.
    pub fn camera_image(self) -> bool {
        self.has(Self::CAMERA_IMAGE)
    }

    /// A maximum projection.
    pub fn maximum_projection(self) -> bool {
        self.has(Self::MAXIMUM_PROJECTION)
    }

    /// A crosshair is shown.
    pub fn crosshair(self) -> bool {
        self.has(Self::CROSSHAIR)
    }

    /// The zoomed sector of camera 1 and of camera 2, 1 to 9 in rows of three; 0 where the zoom is
    /// off or for the other camera.
    pub fn zoom_sectors(self) -> (u8, u8) {
        let [_, _, first, second] = self.0.to_le_bytes();
        let on = self.has(0x08);
        let pick = |flag: u32, sector: u8| {
            if on && (self.has(flag) || self.has(0x400)) {
                sector
            } else {
                0
            }
        };
        (pick(0x100, first), pick(0x200, second))
    }

    fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// Takes the live stream apart. Its owner reads into [`LiveDecoder::room`], which never goes past
/// the end of a header or a picture, so that the pixels lie where they were received.
///
/// ```no_run
/// # use ttyscope::protocol::flamingo::live::LiveDecoder;
/// # async fn read(mut socket: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// # use tokio::io::AsyncReadExt;
/// let mut decoder = LiveDecoder::default();
/// while socket.read_buf(&mut decoder.room()).await? > 0 {
///     if let Some(item) = decoder.next_item()? { /* hand it on */ }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct LiveDecoder {
    /// Bytes of the header or picture being read.
    pending: BytesMut,
    /// The header of the picture being read.
    header: Option<LiveHeader>,
    frames: u64,
    /// Set by a header that cannot be true, and told again ever after.
    refused: Option<LiveError>,
}

impl LiveDecoder {
    /// How many bytes are missing to the end of the header or picture being read.
    pub fn wanted_bytes(&self) -> usize {
        self.whole_bytes().saturating_sub(self.pending.len())
    }

    /// Where to read into; it takes [`LiveDecoder::wanted_bytes`] and no more.
    pub fn room(&mut self) -> Limit<&mut BytesMut> {
        let wanted = self.wanted_bytes();
        self.pending.reserve(wanted);
        (&mut self.pending).limit(wanted)
    }

    /// What has become whole; `None` until more bytes arrive. To be asked after each read.
    ///
    /// # Errors
    /// A header cannot be true: close the socket and connect again, with a new decoder.
    pub fn next_item(&mut self) -> Result<Option<LiveItem>, LiveError> {
        if let Some(error) = &self.refused {
            return Err(error.clone());
        }
        if self.wanted_bytes() > 0 {
            return Ok(None);
        }
        if let Some(header) = self.header.take() {
            self.frames = self.frames.saturating_add(1);
            return Ok(Some(LiveItem::Frame(LiveFrame {
                number: self.frames,
                header,
                pixels: std::mem::take(&mut self.pending).freeze(),
            })));
        }
        let Some(bytes) = self.pending.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = LiveHeader::decode(bytes);
        if let Err(error) = header.check() {
            self.refused = Some(error.clone());
            return Err(error);
        }
        self.pending.clear();
        if header.image_bytes == 0 {
            return Ok(Some(LiveItem::Options(header)));
        }
        self.header = Some(header);
        Ok(None)
    }

    /// Adds bytes that were received otherwise and takes what becomes whole.
    ///
    /// # Errors
    /// As [`LiveDecoder::next_item`]; the items before the bad header are in `items`.
    pub fn push(&mut self, mut bytes: &[u8], items: &mut Vec<LiveItem>) -> Result<(), LiveError> {
        while !bytes.is_empty() {
            let (now, later) = bytes
                .split_at_checked(self.wanted_bytes())
                .unwrap_or((bytes, &[]));
            self.pending.extend_from_slice(now);
            bytes = later;
            items.extend(self.next_item()?);
        }
        Ok(())
    }

    /// Pictures so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// At the end of the connection: how many bytes there were of a header or picture, and how many
    /// it should have had. `None` between pictures.
    pub fn unfinished(&self) -> Option<(usize, usize)> {
        let header = match self.header {
            Some(_) => HEADER_BYTES,
            None => 0,
        };
        let got = self.pending.len().saturating_add(header);
        (got > 0).then(|| (got, self.whole_bytes().saturating_add(header)))
    }

    fn whole_bytes(&self) -> usize {
        match &self.header {
            None => HEADER_BYTES,
            Some(header) => usize::try_from(header.image_bytes).unwrap_or(usize::MAX),
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
