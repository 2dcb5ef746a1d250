//! Numbers about a picture: what its values are, how sharp, how noisy, where it went, what is in it.
//!
//! All of them are of every pixel of a region at full resolution, in counts of the camera, and are
//! what numpy, SciPy and scikit-image make of the same pixels: each file gives its formula and its
//! source, and `tests/interop/measures.sh` compares them. Pure: who measures when is not here.

mod blocks;
mod drift;
mod focus;
mod fourier;
mod levels;
mod noise;
mod spots;
mod trend;

pub use drift::Drift;
pub use focus::Focus;
pub use levels::{BINS, Histogram};
pub use spots::{SPOT_LEAST_PX, SPOT_SIGMAS, Spots};
pub use trend::{REMEMBERED, Trend};

use drift::{Correlator, Reference};
use focus::Edges;
use levels::Tally;
use noise::Grain;
use spots::SpotCounter;

use super::raster::{Layout, Raster};
use super::reduce::Extent;
use super::view::Roi;
use super::window::Depth;

/// Numbers about one region of one frame. Values are in counts of the camera, as it sends them;
/// where there is colour they are of the luma, as [`Raster::luma`] has it, so that a frame has the
/// same numbers whether its colours were decoded or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// Columns and rows of the frame.
    pub frame_size_px: (u32, u32),
    /// The region that was measured.
    pub roi: Roi,
    /// The largest value the sensor sends.
    pub full_scale: u16,
    /// Smallest value.
    pub min: u16,
    /// Largest value.
    pub max: u16,
    /// Mean value.
    pub mean: f64,
    /// Standard deviation of the values, with all pixels as divisor.
    pub std_dev: f64,
    /// First percentile. All are numpy's `percentile` with `method="linear"`.
    pub p1: f64,
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// All but one pixel of 500 are at or below this.
    pub p99_8: f64,
    /// Fraction of the pixels at or above full scale, `0.0..=1.0`.
    pub saturated: f64,
    /// Fraction of the pixels at zero, `0.0..=1.0`.
    pub black: f64,
    /// How often values lie where.
    pub histogram: Histogram,
    /// How sharp it is; `None` of a region less than three pixels wide or high.
    pub focus: Option<Focus>,
    /// How the focus scores went so far.
    pub trends: Trends,
    /// Standard deviation of the noise, in counts; `None` of a region as small as that.
    pub noise: Option<f64>,
    /// How far it has moved since the first picture of this region; `None` if that cannot be told.
    pub drift: Option<Drift>,
    /// Bright spots in it.
    pub spots: Spots,
}

/// How the focus scores of a region went since it was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trends {
    /// Of [`Focus::laplacian_variance`].
    pub laplacian_variance: Trend,
    /// Of [`Focus::tenengrad`].
    pub tenengrad: Trend,
    /// Of [`Focus::normalised_variance`].
    pub normalised_variance: Trend,
}

/// What is remembered of a camera from one frame to the next.
#[derive(Debug, Default)]
pub struct Gauge {
    layout: Option<Layout>,
    size_px: (u32, u32),
    roi: Option<Roi>,
    depth: Depth,
    trends: Trends,
    reference: Reference,
}

impl Gauge {
    /// A gauge that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins anew: the next score is the best one, and the next picture what drift is told from.
    pub fn reset(&mut self) {
        self.trends = Trends::default();
        self.reference.forget();
    }

    /// Forgets what belongs to pictures of another kind.
    fn prepare(&mut self, frame: &Raster<'_>, roi: Roi) {
        if self.layout != Some(frame.layout()) {
            self.layout = Some(frame.layout());
            self.depth = Depth::default();
            self.reset();
        }
        if self.size_px != frame.size() || self.roi != Some(roi) {
            self.size_px = frame.size();
            self.roi = Some(roi);
            self.reset();
        }
    }
}

/// Measures frames, one at a time. Its buffers serve all cameras: once they are as large as the
/// largest frame needs, measuring takes no memory.
#[derive(Debug, Default)]
pub struct Measurer {
    tally: Tally,
    above: Vec<u16>,
    here: Vec<u16>,
    below: Vec<u16>,
    correlator: Correlator,
    spots: SpotCounter,
}

/// What the values of a frame count from and to.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// The largest value, as it lies in the frame.
    full: u16,
    /// What one count of the camera is in the frame: cameras of 8 bits that send 16 have theirs in
    /// the high byte.
    step: u16,
}

impl Measurer {
    /// A measurer with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Measures the pixels of a region.
    ///
    /// - `roi`: the region; all of the frame if there is none, or nothing of it lies in the frame
    /// - `bit_depth`: bits that the sensor fills, counted from the lowest one, if they are known;
    ///   otherwise, or if the camera does not keep to them, they are told from the values, as for
    ///   the picture ([`Depth`])
    pub fn measure(
        &mut self,
        gauge: &mut Gauge,
        frame: &Raster<'_>,
        roi: Option<Roi>,
        bit_depth: Option<u8>,
    ) -> Measures {
        let all = Roi::all(frame.size());
        let roi = roi.and_then(|roi| roi.within(frame.size())).unwrap_or(all);
        gauge.prepare(frame, roi);
        let (edges, grain) = self.scan(frame, roi);
        let scale = self.scale(gauge, frame, roi == all, bit_depth);
        let drift = self.correlator.drift(&mut gauge.reference);
        let threshold = spots::threshold(&self.tally, scale.step, scale.full);
        let count = self.count_spots(frame, roi, threshold);

        let step = f64::from(scale.step);
        let (mean, variance) = self.tally.moments();
        let focus = edges.focus((mean, variance)).map(|focus| Focus {
            laplacian_variance: focus.laplacian_variance / (step * step),
            tenengrad: focus.tenengrad / (step * step),
            normalised_variance: focus.normalised_variance / step,
        });
        if let Some(focus) = &focus {
            let trends = &mut gauge.trends;
            trends.laplacian_variance.push(focus.laplacian_variance);
            trends.tenengrad.push(focus.tenengrad);
            trends.normalised_variance.push(focus.normalised_variance);
        }
        let (min, max, _) = self.tally.extent().unwrap_or_default();
        let pixels = self.tally.pixels().max(1) as f64;
        let percentile = |percent: f64| self.tally.percentile(percent) / step;
        Measures {
            frame_size_px: frame.size(),
            roi,
            full_scale: scale.full / scale.step,
            min: min / scale.step,
            max: max / scale.step,
            mean: mean / step,
            std_dev: variance.sqrt() / step,
            p1: percentile(1.0),
            p50: percentile(50.0),
            p99: percentile(99.0),
            p99_8: percentile(99.8),
            saturated: self.tally.at_or_above(scale.full) as f64 / pixels,
            black: self.tally.of(0) as f64 / pixels,
            histogram: self.tally.histogram(scale.step),
            focus,
            trends: gauge.trends,
            noise: grain.noise().map(|noise| noise / step),
            drift,
            spots: Spots {
                count,
                threshold: threshold / scale.step,
            },
        }
    }

    /// Goes over all pixels of the region once.
    fn scan(&mut self, frame: &Raster<'_>, roi: Roi) -> (Edges, Grain) {
        let (mut edges, mut grain) = (Edges::default(), Grain::default());
        self.tally.clear();
        self.correlator
            .begin((roi.width as usize, roi.height as usize));
        for y in 0..roi.height {
            std::mem::swap(&mut self.above, &mut self.here);
            std::mem::swap(&mut self.here, &mut self.below);
            frame.luma_row(roi.y + y, roi, &mut self.below);
            self.tally.add(&self.below);
            self.correlator.add(&self.below);
            if y >= 2 {
                edges.add(&self.above, &self.here, &self.below);
                grain.add(&self.above, &self.here, &self.below);
            }
        }
        self.tally.finish();
        (edges, grain)
    }

    /// The scale of the values: as it is known, or as all values seen so far tell.
    fn scale(
        &self,
        gauge: &mut Gauge,
        frame: &Raster<'_>,
        is_all: bool,
        bit_depth: Option<u8>,
    ) -> Scale {
        if frame.layout() != Layout::Grey16 {
            return Scale { full: 255, step: 1 };
        }
        let extent = match self.tally.extent() {
            Some((min, max, bits)) if is_all => Extent { min, max, bits },
            // What lies outside the region tells of the sensor as well.
            _ => extent(frame.bytes()),
        };
        gauge.depth.note(extent);
        let scale = gauge.depth.scale_as_said(bit_depth);
        let full = scale.top();
        Scale {
            full,
            step: full / scale.as_sent(full).max(1),
        }
    }

    fn count_spots(&mut self, frame: &Raster<'_>, roi: Roi, threshold: u16) -> u32 {
        self.spots.clear();
        if self
            .tally
            .extent()
            .is_none_or(|(_, max, _)| max <= threshold)
        {
            return 0;
        }
        for y in 0..roi.height {
            frame.luma_row(roi.y + y, roi, &mut self.here);
            self.spots.add(&self.here, threshold);
        }
        self.spots.finish()
    }
}

/// What all values of 16 bits are like.
fn extent(bytes: &[u8]) -> Extent {
    let (mut min, mut max, mut bits) = (u16::MAX, 0, 0);
    for pair in bytes.as_chunks::<2>().0 {
        let value = u16::from_le_bytes(*pair);
        min = min.min(value);
        max = max.max(value);
        bits |= value;
    }
    Extent { min, max, bits }
}

#[cfg(test)]
mod tests;
