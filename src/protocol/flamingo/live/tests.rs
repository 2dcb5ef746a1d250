use proptest::prelude::*;

use super::*;
use crate::protocol::flamingo::vectors::vector;

fn header(name: &str) -> LiveHeader {
    LiveHeader::decode(vector(name).first_chunk().unwrap())
}

/// A picture of this size whose bytes count up.
fn picture(width_px: u32, height_px: u32) -> Vec<u8> {
    let header = LiveHeader {
        image_bytes: 2 * width_px * height_px,
        width_px,
        height_px,
        ..LiveHeader::default()
    };
    let pixels = (0..header.image_bytes).map(|at| at as u8);
    header.encode().iter().copied().chain(pixels).collect()
}

fn items(stream: &[u8]) -> Result<Vec<LiveItem>, LiveError> {
    let mut items = Vec::new();
    LiveDecoder::default().push(stream, &mut items)?;
    Ok(items)
}

#[test]
fn the_headers_on_record_are_read_and_written() {
    let v13 = header("V13");
    assert_eq!((v13.width_px, v13.height_px), (2048, 2048));
    assert_eq!(v13.image_bytes, 8_388_608);
    assert_eq!((v13.scale_min, v13.scale_max), (100, 4000));
    assert_eq!(v13.device_index, 1);
    assert!(v13.options.camera_image());
    assert_eq!((v13.crosshair(), v13.projected_planes()), (None, None));

    let v14 = header("V14");
    assert_eq!(v14.image_bytes, 0);
    assert_eq!(v14.crosshair(), Some((300, 200)));

    let v15 = header("V15");
    assert_eq!((v15.width_px, v15.height_px), (1024, 1024));
    assert_eq!(v15.image_bytes, 2_097_152);
    assert!(v15.options.maximum_projection());
    assert_eq!(v15.projected_planes(), Some((0, 99)));

    for name in ["V13", "V14", "V15"] {
        assert_eq!(header(name).check(), Ok(()));
        assert_eq!(header(name).encode(), vector(name));
    }
}

#[test]
fn zoom_sectors_belong_to_the_cameras_they_apply_to() {
    let cases = [
        (0x0907_0008, (0, 0)),
        (0x0907_0108, (7, 0)),
        (0x0907_0208, (0, 9)),
        (0x0907_0408, (7, 9)),
        (0x0907_0400, (0, 0)),
    ];
    for (word, sectors) in cases {
        assert_eq!(LiveOptions(word).zoom_sectors(), sectors, "{word:#x}");
    }
}

#[test]
fn options_alone_do_not_end_the_stream() {
    let stream = [picture(2, 1), vector("V14"), picture(2, 1)].concat();
    let items = items(&stream).unwrap();
    assert!(matches!(
        &items[..],
        [
            LiveItem::Frame(LiveFrame { number: 1, .. }),
            LiveItem::Options(_),
            LiveItem::Frame(LiveFrame { number: 2, .. })
        ]
    ));
}

#[test]
fn the_size_may_change_from_one_picture_to_the_next() {
    let stream = [picture(4, 3), picture(1, 1), picture(100, 7)].concat();
    let sizes: Vec<_> = items(&stream)
        .unwrap()
        .into_iter()
        .map(|item| match item {
            LiveItem::Frame(f) => (f.header.width_px, f.header.height_px, f.pixels.len()),
            LiveItem::Options(_) => panic!("options"),
        })
        .collect();
    assert_eq!(sizes, [(4, 3, 24), (1, 1, 2), (100, 7, 1400)]);
}

#[test]
fn a_header_that_cannot_be_true_ends_the_stream_for_good() {
    let cases = [
        (
            (25, 4, 3),
            LiveError::WrongLength {
                image_bytes: 25,
                width_px: 4,
                height_px: 3,
            },
        ),
        (
            (2, 0, 0),
            LiveError::WrongLength {
                image_bytes: 2,
                width_px: 0,
                height_px: 0,
            },
        ),
        (
            (MAX_IMAGE_BYTES + 2, 16_384, 2049),
            LiveError::TooLong {
                image_bytes: MAX_IMAGE_BYTES + 2,
            },
        ),
        (
            (32_770, 16_385, 1),
            LiveError::TooLarge {
                width_px: 16_385,
                height_px: 1,
            },
        ),
        (
            (0, 1, u32::MAX),
            LiveError::TooLarge {
                width_px: 1,
                height_px: u32::MAX,
            },
        ),
    ];
    for ((image_bytes, width_px, height_px), error) in cases {
        let bad = LiveHeader {
            image_bytes,
            width_px,
            height_px,
            ..LiveHeader::default()
        };
        let mut decoder = LiveDecoder::default();
        let mut items = Vec::new();
        decoder.push(&picture(1, 1), &mut items).unwrap();
        assert_eq!(
            decoder.push(&bad.encode(), &mut items),
            Err(error.clone()),
            "{bad:?}"
        );
        assert_eq!(decoder.next_item(), Err(error));
        assert_eq!(items.len(), 1);
    }
    let most = LiveHeader {
        image_bytes: MAX_IMAGE_BYTES,
        width_px: 2048,
        height_px: 16_384,
        ..LiveHeader::default()
    };
    assert_eq!(most.check(), Ok(()));
}

#[test]
fn pixels_stay_where_they_were_read_and_reads_stop_at_their_end() {
    let stream = [picture(300, 200), picture(1, 1)].concat();
    let mut rest = &stream[..];
    let mut decoder = LiveDecoder::default();
    let mut frames = Vec::new();
    let mut begins = Vec::new();
    while !rest.is_empty() {
        let mut room = decoder.room();
        let now = room.remaining_mut().min(rest.len()).min(1000);
        room.put_slice(&rest[..now]);
        rest = &rest[now..];
        if decoder.header.is_some() {
            begins.push(decoder.pending.as_ptr());
        }
        if let Some(LiveItem::Frame(frame)) = decoder.next_item().unwrap() {
            // Every part was put at its place at once: the picture was never moved.
            assert!(begins.drain(..).all(|at| at == frame.pixels.as_ptr()));
            frames.push(frame.pixels);
        }
    }
    assert_eq!(frames[0], stream[40..40 + 120_000]);
    assert_eq!(frames[1], stream[stream.len() - 2..]);
}

#[test]
fn a_picture_cut_off_is_told_by_its_bytes() {
    let mut decoder = LiveDecoder::default();
    let mut items = Vec::new();
    assert_eq!(decoder.unfinished(), None);
    decoder.push(&picture(4, 3)[..39], &mut items).unwrap();
    assert_eq!(decoder.unfinished(), Some((39, 40)));
    decoder.push(&picture(4, 3)[39..50], &mut items).unwrap();
    assert_eq!(decoder.unfinished(), Some((50, 64)));
    decoder.push(&picture(4, 3)[50..], &mut items).unwrap();
    assert_eq!(decoder.unfinished(), None);
    assert_eq!((items.len(), decoder.frames()), (1, 1));
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_pictures(
        sizes in proptest::collection::vec((0..9_u32, 0..9_u32), 0..8),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream: Vec<u8> = sizes.iter().flat_map(|(w, h)| picture(*w, *h)).collect();
        let whole = items(&stream).unwrap();
        prop_assert_eq!(whole.len(), sizes.len());
        let mut at: Vec<usize> = cuts.iter().map(|c| c.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let mut decoder = LiveDecoder::default();
        let mut cut = Vec::new();
        for part in at.windows(2) {
            decoder.push(&stream[part[0]..part[1]], &mut cut).unwrap();
        }
        prop_assert_eq!(cut, whole);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut items = Vec::new();
        let _ = LiveDecoder::default().push(&bytes, &mut items);
    }
}
