//! Numbers about a picture beside the plain way to each of them, and a copy of the frame.
//!
//! Run with `cargo bench --bench measures [-- ROUNDS]`. Every round runs every contender once, so
//! what else the machine does hits all of them alike; the table gives medians.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ttyscope::imaging::{Gauge, Layout, Measurer, Raster, Roi};

const SIDE: usize = 2048;

fn main() {
    // Cargo itself passes `--bench`.
    let rounds = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(21);
    let pixels = sample();
    let bytes: Vec<u8> = pixels.iter().flat_map(|v| v.to_le_bytes()).collect();
    let grey: Vec<u8> = pixels.iter().map(|value| (value >> 4) as u8).collect();
    let frame = Raster::new(SIDE as u32, SIDE as u32, Layout::Grey16, &bytes).unwrap();
    let narrow = Raster::new(SIDE as u32, SIDE as u32, Layout::Grey8, &grey).unwrap();
    let part = Roi {
        x: 700,
        y: 700,
        width: 512,
        height: 512,
    };
    let mut measurer = Measurer::new();
    let mut gauges = [Gauge::new(), Gauge::new(), Gauge::new()];
    let [whole, region, eight] = &mut gauges;
    let other = std::cell::RefCell::new(&mut measurer);
    let mut copy = vec![0; bytes.len()];
    println!("{SIDE}x{SIDE} pixels, medians of {rounds} rounds");
    table(
        rounds,
        &mut [
            ("all numbers, 16 bits", &mut || {
                black_box(other.borrow_mut().measure(whole, &frame, None, None));
            }),
            ("all numbers, 8 bits", &mut || {
                black_box(other.borrow_mut().measure(eight, &narrow, None, None));
            }),
            ("all numbers of 512x512", &mut || {
                let mut measurer = other.borrow_mut();
                black_box(measurer.measure(region, &frame, Some(part), Some(12)));
            }),
            ("mean and spread in floats", &mut || {
                black_box(plain_moments(&pixels));
            }),
            ("percentiles by sorting", &mut || {
                let mut sorted = pixels.clone();
                sorted.sort_unstable();
                black_box(sorted[sorted.len() / 2]);
            }),
            ("focus and noise in floats", &mut || {
                black_box(plain_edges(&pixels));
            }),
            ("spots by flooding", &mut || {
                black_box(plain_spots(&pixels, 1000));
            }),
            ("copying the frame", &mut || {
                copy.copy_from_slice(black_box(&bytes));
                black_box(&copy);
            }),
        ],
    );
}

/// A slope of 12 bits with noise and bright spots.
fn sample() -> Vec<u16> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..SIDE * SIDE)
        .map(|index| {
            let (x, y) = (index % SIDE, index / SIDE);
            let near = (x % 64).abs_diff(32) + (y % 64).abs_diff(32) < 8;
            let spot = u16::from(near && (x / 64 + y / 64) % 5 == 0) * 1500;
            300 + (x / 16) as u16 + random.u16(..40) + spot
        })
        .collect()
}

fn plain_moments(pixels: &[u16]) -> (f64, f64) {
    let n = pixels.len() as f64;
    let mean = pixels.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let spread = pixels.iter().map(|&v| (f64::from(v) - mean).powi(2));
    (mean, spread.sum::<f64>() / n)
}

/// Sums of squares of Laplacian and gradient, and of the noise kernel.
fn plain_edges(pixels: &[u16]) -> (f64, f64, f64) {
    let at = |x: usize, y: usize| f64::from(pixels[y * SIDE + x]);
    let (mut laplacian, mut gradient, mut noise) = (0.0, 0.0, 0.0);
    for y in 1..SIDE - 1 {
        for x in 1..SIDE - 1 {
            let l = at(x, y - 1) + at(x, y + 1) + at(x - 1, y) + at(x + 1, y) - 4.0 * at(x, y);
            let column = |x: usize| at(x, y - 1) + 2.0 * at(x, y) + at(x, y + 1);
            let row = |y: usize| at(x - 1, y) + 2.0 * at(x, y) + at(x + 1, y);
            let bend = |x: usize| at(x, y - 1) - 2.0 * at(x, y) + at(x, y + 1);
            laplacian += l * l;
            gradient += (column(x + 1) - column(x - 1)).powi(2) + (row(y + 1) - row(y - 1)).powi(2);
            noise += (bend(x - 1) - 2.0 * bend(x) + bend(x + 1)).abs();
        }
    }
    (laplacian, gradient, noise)
}

fn plain_spots(pixels: &[u16], threshold: u16) -> u32 {
    let mut left: Vec<bool> = pixels.iter().map(|&value| value > threshold).collect();
    let mut count = 0;
    let mut todo = Vec::new();
    for start in 0..left.len() {
        let mut size = 0;
        todo.push(start);
        while let Some(index) = todo.pop() {
            if !std::mem::take(&mut left[index]) {
                continue;
            }
            size += 1;
            let (x, y) = (index % SIDE, index / SIDE);
            for y in y.saturating_sub(1)..SIDE.min(y + 2) {
                todo.extend((x.saturating_sub(1)..SIDE.min(x + 2)).map(|x| y * SIDE + x));
            }
        }
        count += u32::from(size >= 4);
    }
    count
}

fn table(rounds: usize, contenders: &mut [(&str, &mut dyn FnMut())]) {
    let mut times = vec![Vec::new(); contenders.len()];
    for _ in 0..rounds {
        for ((_, run), times) in contenders.iter_mut().zip(&mut times) {
            let began = Instant::now();
            run();
            times.push(began.elapsed());
        }
    }
    for ((name, _), times) in contenders.iter().zip(&mut times) {
        times.sort_unstable();
        let median: Duration = times[times.len() / 2];
        println!("{name:28} {:9.2} ms", median.as_secs_f64() * 1e3);
    }
}
