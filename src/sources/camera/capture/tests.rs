use super::*;

fn counted(sequences: &[Option<u32>]) -> Vec<(u64, u64)> {
    let mut counter = Counter::default();
    let next = |sequence: &Option<u32>| counter.next(*sequence);
    sequences.iter().map(next).collect()
}

#[test]
fn numbers_go_on_where_the_driver_wraps_and_where_it_counts_anew() {
    type Case = (&'static [Option<u32>], &'static [(u64, u64)]);
    let cases: [Case; 4] = [
        (&[Some(0), Some(1), Some(4)], &[(0, 0), (1, 0), (4, 2)]),
        (
            &[Some(u32::MAX - 1), Some(u32::MAX), Some(1)],
            &[(4_294_967_294, 0), (4_294_967_295, 0), (4_294_967_297, 1)],
        ),
        // The same number twice, then a new count.
        (
            &[Some(9), Some(9), Some(0), Some(1)],
            &[(9, 0), (10, 0), (11, 0), (12, 0)],
        ),
        (&[None, None, None], &[(0, 0), (1, 0), (2, 0)]),
    ];
    for (sequences, expected) in cases {
        assert_eq!(counted(sequences), expected, "{sequences:?}");
    }
}

#[test]
fn a_slow_camera_is_not_silent_before_its_time() {
    let agreed = |rate: f64| Agreed {
        mode: Mode {
            fourcc: super::super::device::FourCc(*b"GREY"),
            size: (2, 2),
            interval: Interval::from_rate(rate),
        },
        stride: 0,
        image_bytes: 0,
    };
    assert_eq!(silence(&agreed(30.0)), Duration::from_secs(3));
    assert_eq!(silence(&agreed(0.5)), Duration::from_secs(10));
}

#[test]
fn a_camera_without_a_name_has_one() {
    assert_eq!(&*detector("HD Pro Webcam C920"), "hd-pro-webcam-c920");
    assert_eq!(&*detector("///"), "camera");
}
