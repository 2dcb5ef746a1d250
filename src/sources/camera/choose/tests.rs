use super::*;

fn camera(index: u32, name: &str, bus: &str, alias: &str) -> Found {
    Found {
        index,
        path: format!("/dev/video{index}"),
        aliases: vec![format!("/dev/v4l/by-id/{alias}")],
        name: name.into(),
        bus: bus.into(),
        driver: "uvcvideo".into(),
    }
}

fn cameras() -> Vec<Found> {
    vec![
        camera(0, "HD Pro Webcam C920", "usb-1", "usb-046d_C920_A1-index0"),
        camera(2, "HD Pro Webcam C920", "usb-2", "usb-046d_C920_B2-index0"),
        camera(4, "Thermal", "usb-3", "usb-flir-index0"),
    ]
}

#[test]
fn a_camera_is_found_by_number_path_or_name() {
    let all = cameras();
    for (written, index) in [
        ("0", 0),
        ("4", 4),
        ("/dev/video2", 2),
        ("/dev/v4l/by-id/usb-046d_C920_B2-index0", 2),
        ("usb-046d_C920_A1-index0", 0),
        ("video4", 4),
        ("thermal", 4),
        ("therm", 4),
        ("usb-2", 2),
    ] {
        let found = find(written, &all).map(|camera| camera.index);
        assert_eq!(found, Ok(index), "{written}");
    }
}

#[test]
fn who_is_not_there_or_not_alone_is_said_with_what_there_is() {
    for (written, cameras, part) in [
        ("1", cameras(), "no camera 1; there is /dev/video0 (HD Pro"),
        (
            "/dev/video9",
            Vec::new(),
            "no camera is attached to this machine",
        ),
        ("c920", cameras(), "any of /dev/video0, /dev/video2"),
        ("c270", cameras(), "no camera is called \"c270\""),
    ] {
        let error = find(written, &cameras).unwrap_err().to_string();
        assert!(error.contains(part), "{written}: {error}");
    }
}

#[test]
fn a_camera_is_known_again_under_another_number() {
    let before = &cameras()[1];
    let moved = [
        camera(7, "HD Pro Webcam C920", "usb-2", "x"),
        camera(0, "HD Pro Webcam C920", "usb-1", "y"),
    ];
    let index = |cameras: &[Found]| find_again(before, cameras).map(|camera| camera.index);
    assert_eq!(index(&moved), Some(7));
    // Alone of its name it may have been plugged in elsewhere; of two nobody knows which.
    assert_eq!(index(&moved[1..]), Some(0));
    let others = [
        moved[1].clone(),
        camera(3, "HD Pro Webcam C920", "usb-9", "z"),
    ];
    assert_eq!(index(&others), None);
    assert_eq!(index(&[camera(2, "Thermal", "usb-2", "t")]), None);
}

fn rate(numerator: u32, denominator: u32) -> Intervals {
    let interval = Interval {
        numerator,
        denominator,
    };
    Intervals {
        shortest: interval,
        longest: interval,
    }
}

fn size(width: u32, height: u32, rates: &[(u32, u32)]) -> Size {
    Size {
        least: (width, height),
        most: (width, height),
        step: (0, 0),
        intervals: rates.iter().map(|(n, d)| rate(*n, *d)).collect(),
    }
}

fn format(fourcc: &[u8; 4], sizes: Vec<Size>) -> Format {
    Format {
        fourcc: FourCc(*fourcc),
        label: "".into(),
        sizes,
    }
}

/// A web camera as they are: everything as JPEG, raw only while it is small or slow.
fn webcam() -> Vec<Format> {
    vec![
        format(
            b"YUYV",
            vec![
                size(640, 480, &[(1, 30), (2, 25)]),
                size(1920, 1080, &[(1, 5)]),
            ],
        ),
        format(b"H264", vec![size(3840, 2160, &[(1, 30)])]),
        format(
            b"MJPG",
            vec![
                size(640, 480, &[(1, 30)]),
                size(1920, 1080, &[(1, 30), (1, 15)]),
            ],
        ),
    ]
}

fn best(formats: &[Format], wanted: Wanted) -> Result<String, String> {
    match modes("/dev/video0", formats, &wanted) {
        Ok(modes) => Ok(modes[0].to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn wanted(format: &str, size: Option<(u32, u32)>, rate_hz: Option<f64>) -> Wanted {
    Wanted {
        format: FourCc::from_name(format),
        size,
        rate_hz,
    }
}

#[test]
fn the_largest_smooth_picture_is_taken_unless_something_else_is_asked() {
    let vga = Some((640, 480));
    let cases = [
        (wanted("", None, None), "MJPG 1920x1080 at 30/s"),
        (wanted("", vga, None), "YUYV 640x480 at 30/s"),
        (wanted("", vga, Some(12.5)), "YUYV 640x480 at 12.5/s"),
        (wanted("yuyv", None, None), "YUYV 640x480 at 30/s"),
        (wanted("", None, Some(5.0)), "YUYV 1920x1080 at 5/s"),
        (wanted("mjpg", None, Some(14.0)), "MJPG 1920x1080 at 15/s"),
        (wanted("mjpg", vga, Some(200.0)), "MJPG 640x480 at 30/s"),
    ];
    for (wanted, mode) in cases {
        assert_eq!(best(&webcam(), wanted).as_deref(), Ok(mode), "{wanted:?}");
    }
}

#[test]
fn more_bits_are_better_and_slow_is_better_than_nothing() {
    let sizes = || vec![size(640, 512, &[(1, 9)])];
    let thermal = [
        format(b"GREY", sizes()),
        format(b"Y16 ", sizes()),
        format(b"Y12 ", sizes()),
    ];
    assert_eq!(
        best(&thermal, Wanted::default()).as_deref(),
        Ok("Y16 640x512 at 9/s")
    );
    let all = modes("/dev/video0", &thermal, &Wanted::default()).unwrap();
    let order: Vec<String> = all.iter().map(|mode| mode.fourcc.to_string()).collect();
    assert_eq!(order, ["Y16", "Y12", "GREY"]);
}

#[test]
fn ranges_take_what_lies_on_their_steps() {
    let range = Size {
        least: (32, 32),
        most: (4_000, 3_000),
        step: (8, 2),
        intervals: vec![Intervals {
            shortest: rate(1, 60).shortest,
            longest: rate(1, 1).longest,
        }],
    };
    let sensor = [format(b"Y16 ", vec![range])];
    let ask = |size, rate| best(&sensor, wanted("", size, rate));
    assert_eq!(
        ask(Some((640, 480)), Some(12.5)).as_deref(),
        Ok("Y16 640x480 at 12.5/s")
    );
    assert_eq!(
        ask(Some((640, 480)), Some(500.0)).as_deref(),
        Ok("Y16 640x480 at 60/s")
    );
    assert_eq!(ask(None, Some(0.2)).as_deref(), Ok("Y16 4000x3000 at 1/s"));
    for none in [(641, 480), (640, 481), (31, 32), (4_008, 3_000)] {
        let error = ask(Some(none), None).unwrap_err();
        assert!(
            error.contains("it has 32x32 to 4000x3000 in steps of 8x2"),
            "{error}"
        );
    }
}

#[test]
fn what_is_not_there_is_refused_with_what_there_is() {
    let cases = [
        (
            webcam(),
            wanted("nv12", None, None),
            "format=NV12: it has YUYV, H264, MJPG",
        ),
        (webcam(), wanted("h264", None, None), "known are MJPG"),
        (
            webcam(),
            wanted("", Some((1, 1)), None),
            "it has 640x480, 1920x1080",
        ),
        (Vec::new(), Wanted::default(), "it has no format at all"),
        (
            vec![format(b"GREY", vec![size(0, 0, &[])])],
            Wanted::default(),
            "it has 0x0",
        ),
    ];
    for (formats, wanted, part) in cases {
        let error = best(&formats, wanted).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_rate_that_nobody_lists_is_asked_all_the_same() {
    let silent = [format(b"GREY", vec![size(640, 480, &[])])];
    assert_eq!(
        best(&silent, wanted("", None, Some(29.97))).as_deref(),
        Ok("GREY 640x480 at 29.97/s")
    );
    assert_eq!(
        best(&silent, Wanted::default()).as_deref(),
        Ok("GREY 640x480")
    );
}
