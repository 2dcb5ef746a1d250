//! A small Fourier transform of pictures whose sides are powers of two. Pure and exact enough for
//! 128 points a side; a library would be larger than all that is done with it here.

use std::f64::consts::TAU;
use std::ops::{Add, Mul, Sub};

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    /// On the unit circle, at that angle.
    pub(super) fn turn(angle: f64) -> Self {
        let (im, re) = angle.sin_cos();
        Self { re, im }
    }

    pub(super) fn conj(self) -> Self {
        Self {
            re: self.re,
            im: -self.im,
        }
    }

    pub(super) fn abs(self) -> f64 {
        self.square().sqrt()
    }

    pub(super) fn square(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    pub(super) fn scaled(self, by: f64) -> Self {
        Self {
            re: self.re * by,
            im: self.im * by,
        }
    }
}

impl Add for Complex {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }
}

impl Sub for Complex {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            re: self.re - other.re,
            im: self.im - other.im,
        }
    }
}

impl Mul for Complex {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }
}

/// Transforms pictures; keeps the roots of unity and a column from one to the next.
#[derive(Debug, Default)]
pub(super) struct Transform {
    /// `exp(-2 pi i k / roots.len())`, half a turn of them for the longer side.
    turns: Vec<Complex>,
    longest: usize,
    columns: Vec<Complex>,
}

impl Transform {
    /// Replaces `data` by its transform `sum f(x, y) exp(-2 pi i (u x / width + v y / height))`,
    /// without a scale. Its inverse is the same of the conjugate, divided by the pixels.
    ///
    /// - `width`, `height`: powers of two; `data` is row-major and exactly of that size
    pub(super) fn forward(&mut self, data: &mut [Complex], (width, height): (usize, usize)) {
        self.prepare(width.max(height));
        for row in data.chunks_exact_mut(width) {
            transform(row, &self.turns, self.longest);
        }
        // All columns become rows first: walking down a column misses the cache at every step.
        transpose(data, width, height, &mut self.columns);
        for column in self.columns.chunks_exact_mut(height) {
            transform(column, &self.turns, self.longest);
        }
        let mut back = std::mem::take(&mut self.columns);
        transpose_into(&back, height, width, data);
        back.clear();
        self.columns = back;
    }

    fn prepare(&mut self, longest: usize) {
        if self.longest != longest {
            self.longest = longest;
            let turn = |k: usize| Complex::turn(-TAU * k as f64 / longest as f64);
            self.turns.clear();
            self.turns.extend((0..longest / 2).map(turn));
        }
    }
}

fn transpose(data: &[Complex], width: usize, height: usize, into: &mut Vec<Complex>) {
    into.clear();
    into.resize(width * height, Complex::default());
    transpose_into(data, width, height, into);
}

fn transpose_into(data: &[Complex], width: usize, height: usize, into: &mut [Complex]) {
    for (y, row) in data.chunks_exact(width).enumerate() {
        for (x, &value) in row.iter().enumerate() {
            into[x * height + y] = value;
        }
    }
}

/// Cooley and Tukey's algorithm, in place: bit-reversed order first, then ever longer parts.
fn transform(data: &mut [Complex], turns: &[Complex], longest: usize) {
    let n = data.len();
    if n < 2 {
        return;
    }
    let shift = usize::BITS - n.trailing_zeros();
    for index in 0..n {
        let mirrored = index.reverse_bits() >> shift;
        if index < mirrored {
            data.swap(index, mirrored);
        }
    }
    let mut half = 1;
    while half < n {
        let every = longest / (2 * half);
        for part in data.chunks_exact_mut(2 * half) {
            let (low, high) = part.split_at_mut(half);
            let turns = turns.iter().step_by(every);
            for ((low, high), &turn) in low.iter_mut().zip(high).zip(turns) {
                let turned = *high * turn;
                (*low, *high) = (*low + turned, *low - turned);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_it_says() {
        let mut random = fastrand::Rng::with_seed(2);
        for (width, height) in [(1, 1), (2, 1), (8, 4), (4, 16), (16, 16)] {
            let data: Vec<Complex> = (0..width * height)
                .map(|_| Complex {
                    re: random.f64() - 0.5,
                    im: random.f64() - 0.5,
                })
                .collect();
            let mut fast = data.clone();
            Transform::default().forward(&mut fast, (width, height));
            for (index, got) in fast.iter().enumerate() {
                let (u, v) = (index % width, index / width);
                let mut want = Complex::default();
                for (place, &value) in data.iter().enumerate() {
                    let (x, y) = (place % width, place / width);
                    let part = (u * x) as f64 / width as f64 + (v * y) as f64 / height as f64;
                    want = want + value * Complex::turn(-TAU * part);
                }
                assert!((*got - want).abs() < 1e-12, "{width}x{height} {u},{v}");
            }
        }
    }
}
