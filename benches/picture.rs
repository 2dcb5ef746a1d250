//! From the last byte of a frame to the cells it is drawn in, beside what bounds it.
//!
//! Run with `cargo bench --bench picture [-- ROUNDS]`. Every round runs every contender once, so
//! what else the machine does hits all of them alike; the table gives medians and, since
//! machines differ, their ratio to the whole way. What chafa and timg take for the same pictures
//! comes last (`picture/others.rs`).
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/process.rs"]
#[allow(dead_code)]
mod process;

#[path = "picture/others.rs"]
mod others;

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use ttyscope::imaging::reduce::{Reducer, fit};
use ttyscope::imaging::{Layout, PictureMaker, PictureRequest, Raster, Roi, unpack};
use ttyscope::model::{
    CameraKey, Clock, Compression, Frame, FrameEncoding, PlainText, SourceId, Stamp,
};
use ttyscope::ui::{ColorDepth, PictureWidget, Theme};

const SIDE: usize = 2048;
/// Cells at hand: the picture pane of a terminal of 160x48.
const CELLS: (u16, u16) = (108, 44);
/// Quality that ImSwitch uses unless told otherwise.
const JPEG_QUALITY: u8 = 80;

fn main() {
    // Cargo itself passes `--bench`.
    let rounds = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(31);
    let sample = sample();
    let size = fit(SIDE as u32, SIDE as u32, CELLS.0, CELLS.1);
    println!(
        "{SIDE}x{SIDE} frame to {}x{} cells, medians of {rounds} rounds",
        size.0,
        size.1 / 2
    );
    jpeg(&sample, size, rounds);
    lz4(&sample, size, rounds);
    others::compare(&sample);
}

fn jpeg(sample: &[u16], size: (u16, u16), rounds: usize) {
    let grey: Vec<u8> = sample.iter().map(|value| (value >> 4) as u8).collect();
    let mut file = Vec::new();
    Encoder::new(&mut file, JPEG_QUALITY)
        .encode(&grey, SIDE as u16, SIDE as u16, ColorType::Luma)
        .unwrap();
    println!("\nJPEG, {} kB", file.len() / 1000);
    // In turn, because a frame that is looked at once more is not decoded again.
    let mut frames = [file.clone(), file.clone()].map(|file| frame(FrameEncoding::Jpeg, file));
    let mut way = Way::new();
    let mut copy = vec![0; grey.len()];
    let mut pixels = vec![0; grey.len()];
    let (mut reducer, mut small) = (Reducer::default(), Vec::new());
    table(
        rounds,
        &mut [
            ("bytes to cells", &mut || {
                frames.swap(0, 1);
                way.run(&frames[0]);
            }),
            ("decoding alone", &mut || decode(&file, &mut pixels)),
            ("reducing alone", &mut || {
                let raster = Raster::new(SIDE as u32, SIDE as u32, Layout::Grey8, &grey).unwrap();
                black_box(reducer.reduce(&raster, Roi::all(raster.size()), size, true, &mut small));
            }),
            ("reducing box by box", &mut || {
                black_box(box_by_box(size, |index| grey[index].into()));
            }),
            ("copying the decoded frame", &mut || {
                copy.copy_from_slice(black_box(&grey));
                black_box(&copy);
            }),
        ],
    );
}

fn lz4(sample: &[u16], size: (u16, u16), rounds: usize) {
    let raw: Vec<u8> = sample
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(&raw).unwrap();
    let file = encoder.finish().unwrap();
    println!("\n16-bit grey, LZ4, {} kB", file.len() / 1000);
    let kind = FrameEncoding::Mono16(Compression::Lz4);
    let mut frames = [file.clone(), file.clone()].map(|file| frame(kind, file));
    let mut way = Way::new();
    let mut copy = vec![0; raw.len()];
    let mut pixels = Vec::new();
    let (mut reducer, mut small) = (Reducer::default(), Vec::new());
    table(
        rounds,
        &mut [
            ("bytes to cells", &mut || {
                frames.swap(0, 1);
                way.run(&frames[0]);
            }),
            ("unpacking alone", &mut || {
                unpack(Compression::Lz4, black_box(&file), raw.len(), &mut pixels).unwrap();
            }),
            ("reducing alone", &mut || {
                let raster = Raster::new(SIDE as u32, SIDE as u32, Layout::Grey16, &raw).unwrap();
                black_box(reducer.reduce(&raster, Roi::all(raster.size()), size, true, &mut small));
            }),
            ("reducing box by box", &mut || {
                black_box(box_by_box(size, |index| sample[index].into()));
            }),
            ("copying the unpacked frame", &mut || {
                copy.copy_from_slice(black_box(&raw));
                black_box(&copy);
            }),
        ],
    );
}

/// What the picture thread and the screen do together.
struct Way {
    maker: PictureMaker,
    camera: CameraKey,
    request: PictureRequest,
    clock: Clock,
    theme: Theme,
    buffer: Buffer,
}

impl Way {
    fn new() -> Self {
        let camera = CameraKey {
            source: SourceId(0),
            detector: PlainText::from("camera"),
        };
        Self {
            maker: PictureMaker::new(),
            request: PictureRequest::plain(camera.clone(), CELLS.0, CELLS.1),
            camera,
            clock: Clock::system(),
            theme: Theme::default(),
            buffer: Buffer::empty(Rect::new(0, 0, CELLS.0, CELLS.1)),
        }
    }

    fn run(&mut self, frame: &Frame) {
        let received = self.clock.now();
        let camera = self.camera.clone();
        let picture = self
            .maker
            .make(
                camera,
                black_box(frame),
                received,
                &self.request,
                &self.clock,
            )
            .unwrap();
        PictureWidget::new(&picture, &self.theme, ColorDepth::True)
            .render(self.buffer.area, &mut self.buffer);
        black_box(&self.buffer);
    }
}

fn frame(encoding: FrameEncoding, body: Vec<u8>) -> Frame {
    Frame {
        detector: PlainText::from("camera"),
        number: None,
        width_px: Some(SIDE as u32),
        height_px: Some(SIDE as u32),
        encoding,
        body: Bytes::from(body),
        pixel_size_um: Some(0.325),
        subsampling: 1,
        bit_depth: None,
        device_ns: Some(Stamp::default().unix_ns),
        lost_before: 0,
    }
}

fn decode(file: &[u8], into: &mut [u8]) {
    use zune_jpeg::zune_core::{
        bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions,
    };
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(black_box(file)), options)
        .decode_into(into)
        .unwrap();
    black_box(&into);
}

/// The reduction as one would write it down first.
fn box_by_box(size: (u16, u16), value: impl Fn(usize) -> u64) -> Vec<u16> {
    let (width, height) = (usize::from(size.0), usize::from(size.1));
    let mut small = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (mut sum, mut count) = (0, 0);
            for row in y * SIDE / height..(y + 1) * SIDE / height {
                for column in x * SIDE / width..(x + 1) * SIDE / width {
                    sum += value(row * SIDE + column);
                    count += 1;
                }
            }
            small.push((sum / count) as u16);
        }
    }
    small
}

/// Twelve bits: a sloping background, bright round spots, and noise; the same every time.
fn sample() -> Vec<u16> {
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut frame: Vec<u16> = (0..SIDE * SIDE)
        .map(|i| 100 + (i % SIDE / 16) as u16 + random(400) as u16)
        .collect();
    for _ in 0..150 {
        let (x, y) = (random(SIDE as u64) as i64, random(SIDE as u64) as i64);
        let (radius, peak) = (8 + random(40) as i64, 500 + random(3000) as i64);
        for dy in -radius..=radius {
            for dx in -radius..=radius {
                let (column, row) = (x + dx, y + dy);
                let inside = 0..SIDE as i64;
                let left = radius * radius - dx * dx - dy * dy;
                if left > 0 && inside.contains(&column) && inside.contains(&row) {
                    let value = &mut frame[row as usize * SIDE + column as usize];
                    *value = (*value + (peak * left / (radius * radius)) as u16).min(4095);
                }
            }
        }
    }
    frame
}

type Contender<'a> = (&'a str, &'a mut dyn FnMut());

fn table(rounds: usize, contenders: &mut [Contender<'_>]) {
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    // The first round fills caches and buffers and does not count.
    for round in 0..=rounds {
        for ((_, run), times) in contenders.iter_mut().zip(&mut times) {
            let begin = Instant::now();
            run();
            let took = begin.elapsed();
            if round > 0 {
                times.push(took);
            }
        }
    }
    let medians: Vec<Duration> = times
        .iter_mut()
        .map(|times| {
            times.sort_unstable();
            times[times.len() / 2]
        })
        .collect();
    for ((name, _), median) in contenders.iter().zip(&medians) {
        println!(
            "  {name:<28} {:>8.3} ms   {:>5.2}",
            median.as_secs_f64() * 1e3,
            median.as_secs_f64() / medians[0].as_secs_f64()
        );
    }
}
