//! The same pictures shown by chafa and timg: processor time and bytes of each frame.
//!
//! All show half blocks in 24-bit colour in a terminal of 160x48 cells. Theirs is the time of a
//! process that shows many files, less that of one that shows a picture of one pixel, divided by
//! the number of files; they write every picture whole. Ours goes from the bytes of a frame to
//! those for the terminal; each frame differs from the one before in a tenth of its rows.

use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};
use ratatui::widgets::Widget;
use ttyscope::imaging::{PictureMaker, PictureRequest};
use ttyscope::model::{CameraKey, Clock, Compression, Frame, FrameEncoding, PlainText, SourceId};
use ttyscope::run::canvas::Canvas;
use ttyscope::ui::{ColorDepth, PictureWidget, Theme};

use super::process::{children_cpu_seconds, thread_cpu_seconds};
use super::{JPEG_QUALITY, SIDE};

const COLS: u16 = 160;
const ROWS: u16 = 48;
/// Runs of which the median counts. The kernel counts in steps of 10 ms.
const RUNS: usize = 5;

/// Goals. Source: specification of the picture.
const TIME: f64 = 0.5;
const BYTES: f64 = 1.0 / 3.0;

/// One kind of picture.
struct Kind {
    name: &'static str,
    /// Two frames, of which the second differs in the upper tenth.
    frames: [Frame; 2],
    /// The first one as a file that the others read, and its ending.
    file: (Vec<u8>, &'static str),
    /// Files or frames of one run.
    count: usize,
}

struct Cost {
    ms: f64,
    bytes: f64,
}

pub fn compare(sample: &[u16]) {
    println!("\nbeside chafa and timg, {COLS}x{ROWS} cells of half blocks, median of {RUNS} runs");
    let dir = tempfile::tempdir().unwrap();
    for kind in [grey_jpeg(sample), grey16(sample), color_jpeg()] {
        let (ours, whole) = ours(&kind);
        println!("\n  {}", kind.name);
        println!(
            "    {:<10} {:>8.2} ms   {:>9.0} bytes   ({whole} bytes if written whole)",
            "ttyscope", ours.ms, ours.bytes
        );
        for tool in ["chafa", "timg"] {
            let Some(theirs) = theirs(tool, &kind, dir.path()) else {
                println!("    {tool:<10} is not installed: no comparison");
                continue;
            };
            let (time, bytes) = (ours.ms / theirs.ms, ours.bytes / theirs.bytes);
            let word = |reached| if reached { "reached" } else { "MISSED" };
            println!(
                "    {tool:<10} {:>8.2} ms   {:>9.0} bytes   \
                 ttyscope: {time:.2} of the time, goal {TIME}: {}; \
                 {bytes:.2} of the bytes, goal {BYTES:.2}: {}",
                theirs.ms,
                theirs.bytes,
                word(time <= TIME),
                word(bytes <= BYTES),
            );
        }
    }
}

/// Time and bytes of a frame that differs in a tenth of its cells, and bytes of a whole one.
fn ours(kind: &Kind) -> (Cost, usize) {
    let camera = CameraKey {
        source: SourceId(0),
        detector: PlainText::from("camera"),
    };
    let request = PictureRequest::plain(camera.clone(), COLS, ROWS);
    let (mut maker, clock) = (PictureMaker::new(), Clock::system());
    let (mut canvas, theme) = (Canvas::new(COLS, ROWS), Theme::default());
    let mut show = |frame: &Frame| {
        let made = maker.make(camera.clone(), frame, clock.now(), &request, &clock);
        let picture = made.unwrap();
        let widget = PictureWidget::new(&picture, &theme, ColorDepth::True);
        canvas
            .draw(|area, buffer| widget.render(area, buffer))
            .len()
    };
    let [first, second] = &kind.frames;
    let whole = show(first);
    // The window comes to rest.
    show(second);
    let mut bytes = 0;
    let times = (0..RUNS).map(|_| {
        let before = thread_cpu_seconds();
        for _ in 0..kind.count / 2 {
            bytes += show(first) + show(second);
        }
        thread_cpu_seconds() - before
    });
    let frames = kind.count / 2 * 2;
    let seconds = median(times.collect());
    let cost = Cost {
        ms: seconds * 1e3 / frames as f64,
        bytes: bytes as f64 / (RUNS * frames) as f64,
    };
    (cost, whole)
}

/// `None` if there is no such program.
fn theirs(tool: &str, kind: &Kind, dir: &Path) -> Option<Cost> {
    let path = dir.join(format!("picture.{}", kind.file.1));
    std::fs::write(&path, &kind.file.0).unwrap();
    let dot = dir.join(format!("dot.{}", kind.file.1));
    std::fs::write(&dot, one_pixel(kind.file.1)).unwrap();
    let bytes = command(tool, &path, 1)
        .stdout(Stdio::piped())
        .output()
        .ok()?;
    let seconds = |path: &Path, count: usize| {
        let times = (0..RUNS).map(|_| {
            let before = children_cpu_seconds();
            let ended = command(tool, path, count).stdout(Stdio::null()).status();
            assert!(ended.unwrap().success(), "{tool} shows {}", path.display());
            children_cpu_seconds() - before
        });
        median(times.collect())
    };
    let started = seconds(&dot, 1);
    let all = seconds(&path, kind.count);
    Some(Cost {
        ms: (all - started).max(0.0) * 1e3 / kind.count as f64,
        bytes: bytes.stdout.len() as f64,
    })
}

fn command(tool: &str, path: &Path, count: usize) -> Command {
    let mut command = Command::new(tool);
    let size = format!("{COLS}x{ROWS}");
    match tool {
        "chafa" => command
            .args([
                "--format",
                "symbols",
                "--symbols",
                "vhalf",
                "--colors",
                "full",
            ])
            .args(["--animate", "off", "--threads", "1", "--size", &size]),
        _ => command.args(["-ph", "-I", "--threads=1", &format!("-g{size}")]),
    };
    command.args(std::iter::repeat_n(path, count));
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn frame(encoding: FrameEncoding, (width, height): (usize, usize), body: Vec<u8>) -> Frame {
    Frame {
        detector: PlainText::from("camera"),
        number: None,
        width_px: Some(width as u32),
        height_px: Some(height as u32),
        encoding,
        body: Bytes::from(body),
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: None,
        device_ns: None,
        lost_before: 0,
    }
}

fn jpeg(pixels: &[u8], (width, height): (usize, usize), color: ColorType) -> Vec<u8> {
    let mut file = Vec::new();
    Encoder::new(&mut file, JPEG_QUALITY)
        .encode(pixels, width as u16, height as u16, color)
        .unwrap();
    file
}

/// The same with its upper tenth a little brighter.
fn changed(values: &[u16], by: u16) -> Vec<u16> {
    let upper = values.len() / 10;
    let value = |(index, value): (usize, &u16)| value + by * u16::from(index < upper);
    values.iter().enumerate().map(value).collect()
}

fn grey_jpeg(sample: &[u16]) -> Kind {
    let file = |values: &[u16]| {
        let grey: Vec<u8> = values
            .iter()
            .map(|value| (value >> 4).min(255) as u8)
            .collect();
        jpeg(&grey, (SIDE, SIDE), ColorType::Luma)
    };
    let files = [file(sample), file(&changed(sample, 200))];
    Kind {
        name: "JPEG, 2048x2048 grey",
        file: (files[0].clone(), "jpg"),
        frames: files.map(|file| frame(FrameEncoding::Jpeg, (SIDE, SIDE), file)),
        count: 20,
    }
}

/// What a UC2F packet holds; the others get the same values as a TIFF that is not compressed.
fn grey16(sample: &[u16]) -> Kind {
    let bytes = |values: &[u16]| -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    let packed = |values: &[u16]| {
        use std::io::Write;
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(&bytes(values)).unwrap();
        encoder.finish().unwrap()
    };
    let encoding = FrameEncoding::Mono16(Compression::Lz4);
    let size = (SIDE, SIDE);
    Kind {
        name: "16-bit grey, 2048x2048, LZ4 (UC2F); TIFF for the others",
        file: (tiff16(size, &bytes(sample)), "tif"),
        frames: [packed(sample), packed(&changed(sample, 200))]
            .map(|body| frame(encoding, size, body)),
        count: 20,
    }
}

fn color_jpeg() -> Kind {
    let (width, height) = (640, 480);
    let pixels: Vec<u16> = (0..width * height)
        .flat_map(|at| {
            let (x, y) = (at % width, at / width);
            let texture = (x * 7 + y * 13) % 23;
            [
                x * 200 / width + texture,
                y * 200 / height + texture,
                120 + texture,
            ]
        })
        .map(|value| value as u16)
        .collect();
    let file = |values: &[u16]| {
        let bytes: Vec<u8> = values.iter().map(|value| (*value).min(255) as u8).collect();
        jpeg(&bytes, (width, height), ColorType::Rgb)
    };
    let files = [file(&pixels), file(&changed(&pixels, 30))];
    Kind {
        name: "MJPEG, 640x480 colour",
        file: (files[0].clone(), "jpg"),
        frames: files.map(|file| frame(FrameEncoding::Jpeg, (width, height), file)),
        count: 200,
    }
}

fn one_pixel(kind: &str) -> Vec<u8> {
    match kind {
        "tif" => tiff16((1, 1), &[0, 8]),
        _ => jpeg(&[128], (1, 1), ColorType::Luma),
    }
}

/// Source: TIFF 6.0, section 2 and 3: one directory, one strip.
fn tiff16((width, height): (usize, usize), pixels: &[u8]) -> Vec<u8> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let fields: [(u16, u16, u32); 9] = [
        (256, LONG, width as u32),
        (257, LONG, height as u32),
        (258, SHORT, 16),
        // Not compressed, black is zero.
        (259, SHORT, 1),
        (262, SHORT, 1),
        (273, LONG, 8 + 2 + 9 * 12 + 4),
        (277, SHORT, 1),
        (278, LONG, height as u32),
        (279, LONG, pixels.len() as u32),
    ];
    let mut file = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, kind, value) in fields {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    file.extend(pixels);
    file
}
