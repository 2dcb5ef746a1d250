use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// A slope to the right, a step downwards, and a colour of its own in the corner.
fn picture((width, height): (u16, u16), dots: (u8, u8)) -> Picture {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let level = (u32::from(x) * 255 / u32::from(width)) as u8;
            pixels.push(match (y < height / 2, x + 1 == width && y + 1 == height) {
                (_, true) => [250, 20, 30],
                (true, _) => [level; 3],
                (false, _) => [0, level, level],
            });
        }
    }
    Picture {
        dots,
        ..Picture::of_pixels(width, pixels)
    }
}

fn how(protocol: Protocol) -> Encoding {
    Encoding {
        protocol,
        image: FIRST_IMAGE,
        cell_px: (10, 20),
        through_tmux: false,
    }
}

/// Commands of the kitty protocol: what is before and behind the semicolon.
fn kitty_commands(data: &str) -> Vec<(String, String)> {
    let commands = data.split("\x1b\\").filter(|command| !command.is_empty());
    commands
        .map(|command| {
            let command = command.strip_prefix("\x1b_G").unwrap();
            let (control, payload) = command.split_once(';').unwrap();
            assert!(payload.len() <= 4_096);
            (control.to_owned(), payload.to_owned())
        })
        .collect()
}

fn kitty_pixels(data: &str) -> Vec<u8> {
    let commands = kitty_commands(data);
    let (last, before) = commands.split_last().unwrap();
    assert!(last.0.ends_with("m=0"));
    assert!(before.iter().all(|(control, _)| control.ends_with("m=1")));
    let text: String = commands.into_iter().map(|(_, payload)| payload).collect();
    STANDARD.decode(text).unwrap()
}

#[test]
fn kitty_gets_the_very_pixels() {
    let picture = picture((90, 60), (10, 20));
    let pixels = encode(&picture, how(Protocol::Kitty)).unwrap();
    assert_eq!(pixels.cells, (9, 3));
    assert_eq!(kitty_pixels(&pixels.data), picture.pixels.as_flattened());
    let (first, _) = &kitty_commands(&pixels.data)[0];
    assert_eq!(first, "a=T,U=1,i=61,f=24,s=90,v=60,c=9,r=3,q=2,m=1");
    assert_eq!(placeholder((1, 0)).unwrap(), "\u{10eeee}\u{305}\u{30d}");
    assert_eq!(placeholder((0, 300)), None);
}

#[test]
fn tmux_is_told_to_hand_every_piece_on() {
    let picture = picture((90, 60), (10, 20));
    let direct = encode(&picture, how(Protocol::Kitty)).unwrap();
    let wrapped = Encoding {
        through_tmux: true,
        ..how(Protocol::Kitty)
    };
    let wrapped = encode(&picture, wrapped).unwrap();
    let unwrapped: String = wrapped
        .data
        .split("\x1bPtmux;")
        .map(|piece| match piece.strip_suffix("\x1b\\") {
            Some(piece) => piece.replace("\x1b\x1b", "\x1b"),
            None => String::new(),
        })
        .collect();
    assert_eq!(unwrapped, *direct.data);
}

#[test]
fn iterm2_gets_a_jpeg_of_it() {
    let picture = picture((90, 60), (10, 20));
    let pixels = encode(&picture, how(Protocol::ITerm2)).unwrap();
    let (control, file) = pixels.data.split_once(':').unwrap();
    assert!(control.starts_with("\x1b]1337;File=inline=1;"));
    assert!(control.contains(";width=9;height=3;"));
    let file = STANDARD.decode(file.strip_suffix('\x07').unwrap()).unwrap();
    assert!(control.contains(&format!("size={};", file.len())));
    let mut decoder =
        zune_jpeg::JpegDecoder::new(zune_jpeg::zune_core::bytestream::ZCursor::new(&file[..]));
    let decoded = decoder.decode().unwrap();
    assert_eq!(decoder.dimensions(), Some((90, 60)));
    let off = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b));
    let sum: u64 = decoded
        .iter()
        .zip(picture.pixels.as_flattened())
        .map(off)
        .sum();
    assert!(sum / (decoded.len() as u64) < 4, "{sum}");
}

/// Draws sixels the way a terminal does. Source: DEC, VT330/VT340 programmer reference, chapter 14.
#[cfg(feature = "graphics")]
fn sixel_pixels(data: &str) -> BTreeMap<(usize, usize), [u8; 3]> {
    let body = data
        .split_once('q')
        .unwrap()
        .1
        .strip_suffix("\x1b\\")
        .unwrap();
    let (mut colors, mut drawn) = (BTreeMap::new(), BTreeMap::new());
    let (mut x, mut y, mut color) = (0, 0, 0);
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        rest = &rest[1..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != ';')
            .unwrap_or(rest.len());
        let numbers: Vec<usize> = rest[..end].split(';').flat_map(str::parse).collect();
        let mut count = 1;
        let mut sixel = c;
        match c {
            '"' => rest = &rest[end..],
            '#' => {
                rest = &rest[end..];
                color = numbers[0];
                if let [_, 2, r, g, b] = numbers[..] {
                    let of_255 = |percent: usize| ((percent * 255 + 50) / 100) as u8;
                    colors.insert(color, [r, g, b].map(of_255));
                }
            }
            '$' => x = 0,
            '-' => (x, y) = (0, y + 6),
            '!' => {
                count = numbers[0];
                sixel = rest[end..].chars().next().unwrap();
                rest = &rest[end + 1..];
            }
            _ => {}
        }
        if ('?'..='~').contains(&sixel) {
            let bits = u32::from(sixel) - u32::from('?');
            for column in x..x + count {
                for row in (0..6).filter(|row| bits >> row & 1 == 1) {
                    drawn.insert((column, y + row), colors[&color]);
                }
            }
            x += count;
        }
    }
    drawn
}

#[cfg(feature = "graphics")]
#[test]
fn sixels_show_the_picture_in_the_size_of_its_cells() {
    let picture = picture((45, 30), (5, 10));
    let pixels = encode(&picture, how(Protocol::Sixel)).unwrap();
    assert_eq!(pixels.cells, (9, 3));
    let drawn = sixel_pixels(&pixels.data);
    assert_eq!(
        drawn.len(),
        90 * 60,
        "every pixel is drawn, and none beside it"
    );
    for ((x, y), color) in drawn {
        let want = picture.pixels[y / 2 * 45 + x / 2];
        let off = color
            .iter()
            .zip(want)
            .map(|(a, b)| a.abs_diff(b))
            .max()
            .unwrap();
        assert!(off <= 8, "{x} {y}: {color:?} for {want:?}");
    }
}

#[test]
fn what_cannot_be_encoded_is_drawn_in_cells() {
    let empty = Picture {
        pixels: Vec::new(),
        ..picture((4, 4), (2, 2))
    };
    let short = Picture {
        pixels: vec![[0; 3]; 3],
        ..picture((4, 4), (2, 2))
    };
    let huge = picture((900, 4), (1, 1));
    for protocol in [Protocol::Kitty, Protocol::ITerm2, Protocol::Sixel] {
        assert_eq!(encode(&empty, how(protocol)), None);
        assert_eq!(encode(&short, how(protocol)), None, "{protocol:?}");
    }
    assert_eq!(encode(&huge, how(Protocol::Kitty)), None);
    assert_eq!(encode(&huge, how(Protocol::Sixel)), None);
}
