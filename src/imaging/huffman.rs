//! The Huffman tables that cameras leave out of the JPEG files of a motion picture: every receiver
//! has them, so they are put back before a file is decoded.
//!
//! Source: ITU-T T.81, annex K.3, tables K.3 to K.6; USB Video Class, Motion-JPEG payload, 1.5:
//! a stream without tables uses those.

/// One `DHT` segment with all four tables.
const TABLES: [u8; 420] = tables();

/// How many codes there are of 1 to 16 bits, and what they stand for.
struct Codes {
    /// Class (0 mean values, 1 the rest) and number of the table.
    id: u8,
    counts: [u8; 16],
    symbols: &'static [u8],
}

/// Table K.3.
const LUMA_DC: Codes = Codes {
    id: 0x00,
    counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
    symbols: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
};

/// Table K.4.
const CHROMA_DC: Codes = Codes {
    id: 0x01,
    counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    symbols: LUMA_DC.symbols,
};

/// Table K.5.
const LUMA_AC: Codes = Codes {
    id: 0x10,
    counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
    symbols: &[
        0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61,
        0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52,
        0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25,
        0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45,
        0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64,
        0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
        0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
        0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
        0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3,
        0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8,
        0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
    ],
};

/// Table K.6.
const CHROMA_AC: Codes = Codes {
    id: 0x11,
    counts: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
    symbols: &[
        0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61,
        0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33,
        0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18,
        0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44,
        0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63,
        0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
        0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
        0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4,
        0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca,
        0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7,
        0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
    ],
};

const fn tables() -> [u8; 420] {
    let mut segment = [0; 420];
    // The marker, and the length of all that follows it.
    [segment[0], segment[1], segment[2], segment[3]] = [0xff, 0xc4, 0x01, 0xa2];
    let all = [LUMA_DC, LUMA_AC, CHROMA_DC, CHROMA_AC];
    let (mut at, mut table) = (4, 0);
    while table < all.len() {
        let codes = &all[table];
        segment[at] = codes.id;
        at += 1;
        let mut i = 0;
        while i < codes.counts.len() {
            segment[at] = codes.counts[i];
            at += 1;
            i += 1;
        }
        let mut i = 0;
        while i < codes.symbols.len() {
            segment[at] = codes.symbols[i];
            at += 1;
            i += 1;
        }
        table += 1;
    }
    segment
}

/// Replaces `into` by the file with the standard tables before its first scan, if it brings none
/// of its own; says whether it did. What is no JPEG file is left to the decoder.
pub(super) fn complete(body: &[u8], into: &mut Vec<u8>) -> bool {
    let Some(scan) = scan_without_tables(body) else {
        return false;
    };
    let (header, rest) = body.split_at(scan);
    into.clear();
    into.reserve(body.len() + TABLES.len());
    into.extend_from_slice(header);
    into.extend_from_slice(&TABLES);
    into.extend_from_slice(rest);
    true
}

/// Where the first scan begins, if no table stands before it.
fn scan_without_tables(body: &[u8]) -> Option<usize> {
    let mut at = 2;
    if !body.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    loop {
        let [marker, kind] = *body.get(at..)?.first_chunk()?;
        match (marker, kind) {
            // Any number of these may stand before a marker.
            (0xff, 0xff) => at += 1,
            // Tables, or arithmetic coding, which has none.
            (0xff, 0xc4 | 0xcc) => return None,
            (0xff, 0xda) => return Some(at),
            // Markers without a segment.
            (0xff, 0x01 | 0xd0..=0xd8) => at += 2,
            (0xff, _) => {
                let length = u16::from_be_bytes(*body.get(at + 2..)?.first_chunk()?);
                at += 2 + usize::from(length);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jpeg_encoder::{ColorType, Encoder};

    fn file(color: bool) -> Vec<u8> {
        let mut file = Vec::new();
        let pixels: Vec<u8> = (0..32 * 16 * 3).map(|i| (i * 7) as u8).collect();
        let (kind, pixels) = match color {
            true => (ColorType::Rgb, &pixels[..]),
            false => (ColorType::Luma, &pixels[..32 * 16]),
        };
        Encoder::new(&mut file, 90)
            .encode(pixels, 32, 16, kind)
            .unwrap();
        file
    }

    /// The same file without its tables, as a camera would send it.
    fn without_tables(file: &[u8]) -> Vec<u8> {
        let mut left = file[..2].to_vec();
        let mut at = 2;
        while file[at + 1] != 0xda {
            let end = at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            if file[at + 1] != 0xc4 {
                left.extend_from_slice(&file[at..end]);
            }
            at = end;
        }
        left.extend_from_slice(&file[at..]);
        left
    }

    fn decoded(file: &[u8]) -> Vec<u8> {
        let mut pixels = Vec::new();
        super::super::jpeg::Jpeg::default()
            .decode(file, true, &mut pixels)
            .unwrap();
        pixels
    }

    #[test]
    fn a_file_without_tables_shows_the_same_picture() {
        for color in [false, true] {
            let whole = file(color);
            let cut = without_tables(&whole);
            assert!(cut.len() + 100 < whole.len());
            assert_eq!(decoded(&cut), decoded(&whole));
        }
    }

    #[test]
    fn a_file_with_tables_is_left_alone() {
        let mut into = vec![1];
        assert!(!complete(&file(true), &mut into));
        assert_eq!(into, [1]);
    }

    #[test]
    fn what_is_no_whole_header_is_left_alone() {
        let cut = without_tables(&file(false));
        let scan = cut
            .windows(2)
            .position(|pair| pair == [0xff, 0xda])
            .unwrap();
        for end in 0..=scan + 1 {
            assert!(!complete(&cut[..end], &mut Vec::new()), "cut to {end}");
        }
        assert!(complete(&cut[..scan + 2], &mut Vec::new()));
        assert!(!complete(b"<html>", &mut Vec::new()));
    }

    #[test]
    fn the_tables_are_as_long_as_they_say() {
        let length = u16::from_be_bytes([TABLES[2], TABLES[3]]);
        assert_eq!(usize::from(length) + 2, TABLES.len());
        for codes in [LUMA_DC, LUMA_AC, CHROMA_DC, CHROMA_AC] {
            let count: usize = codes.counts.iter().map(|&count| usize::from(count)).sum();
            assert_eq!(count, codes.symbols.len());
        }
    }
}
