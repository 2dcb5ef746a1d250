//! What a JPEG says about itself before its pixels begin.

/// The frame header of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JpegHeader {
    /// Columns.
    pub width_px: u16,
    /// Rows.
    pub height_px: u16,
    /// 1 is grey, 3 is colour.
    pub components: u8,
}

impl JpegHeader {
    /// Finds the frame header by walking the segments; `None` if the file is none or ends first.
    ///
    /// Source: ITU-T T.81, B.1.1.4 and B.2.2.
    pub fn find(file: &[u8]) -> Option<Self> {
        let mut rest = file.strip_prefix(&[0xff, 0xd8])?;
        loop {
            rest = rest.strip_prefix(&[0xff])?;
            // Fill bytes may stand before a marker.
            while let Some(after) = rest.strip_prefix(&[0xff]) {
                rest = after;
            }
            let (&marker, after) = rest.split_first()?;
            rest = after;
            match marker {
                // Markers without a segment.
                0x01 | 0xd0..=0xd7 => continue,
                // The pixels or the end came first.
                0xd8..=0xda => return None,
                _ => {}
            }
            let length = usize::from(u16::from_be_bytes(*rest.first_chunk::<2>()?));
            let segment = rest.get(2..length)?;
            if is_frame_header(marker) {
                let &[_precision, h1, h0, w1, w0, components] = segment.first_chunk::<6>()?;
                return Some(Self {
                    width_px: u16::from_be_bytes([w1, w0]),
                    height_px: u16::from_be_bytes([h1, h0]),
                    components,
                });
            }
            rest = rest.get(length..)?;
        }
    }
}

/// Start-of-frame markers: all of C0 to CF but the tables C4 and CC and the reserved C8.
fn is_frame_header(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_found_behind_other_segments() {
        let head = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2];
        let sof = [0xff, 0xc0, 0, 11, 8, 0, 75, 0, 100, 1, 1, 0x11, 0];
        let file = [&head[..], &sof[..]].concat();
        let found = JpegHeader {
            width_px: 100,
            height_px: 75,
            components: 1,
        };
        assert_eq!(JpegHeader::find(&file), Some(found));
        let filled = [&head[..], &[0xff, 0xff], &sof[..]].concat();
        assert_eq!(JpegHeader::find(&filled), Some(found), "fill bytes");
        for end in 0..head.len() + 10 {
            assert_eq!(JpegHeader::find(&file[..end]), None, "cut at {end}");
        }
        assert_eq!(JpegHeader::find(b"\xff\xd8\xff\xda\0\x02"), None);
        assert_eq!(JpegHeader::find(b"GIF89a"), None);
        assert_eq!(
            JpegHeader::find(b"\xff\xd8\xff\xe0\0\0"),
            None,
            "length 0 does not loop"
        );
    }
}
