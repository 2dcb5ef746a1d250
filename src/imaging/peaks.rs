//! The brightest pixel of each box that becomes one dot: a mean would hide a few that are clipped.

use super::raster::{Layout, Raster};
use super::reduce::step_of;
use super::view::Roi;

/// Finds them; keeps its lines from one frame to the next.
#[derive(Debug, Default)]
pub(super) struct Peaks {
    row: Vec<u16>,
    /// The largest of a few rows, column by column.
    line: Vec<u16>,
    /// One for each dot, row-major.
    found: Vec<u16>,
}

impl Peaks {
    /// The largest value in each box of a part at `width` x `height` dots; of a colour pixel the
    /// largest of its three, or its luma where pixels share colour. Values of 8 bits are in the
    /// high byte.
    ///
    /// - `part`: within the frame
    pub(super) fn find(
        &mut self,
        frame: &Raster<'_>,
        part: Roi,
        (width, height): (u16, u16),
    ) -> &[u16] {
        let (width, height) = (usize::from(width), usize::from(height));
        self.found.clear();
        for y in 0..height {
            self.line.clear();
            self.line.resize(part.width as usize, 0);
            for row in step_of(y, height, part.height as usize) {
                self.load(frame, part.y + row as u32, part);
                for (most, value) in self.line.iter_mut().zip(&self.row) {
                    *most = (*most).max(*value);
                }
            }
            let boxes = (0..width).map(|x| step_of(x, width, part.width as usize));
            let line = &self.line;
            self.found
                .extend(boxes.map(|columns| line[columns].iter().copied().max().unwrap_or(0)));
        }
        &self.found
    }

    fn load(&mut self, frame: &Raster<'_>, y: u32, part: Roi) {
        match frame.layout() {
            Layout::Rgb8 => {
                let pixels = frame.row(y).as_chunks::<3>().0;
                let columns = part.x as usize..(part.x + part.width) as usize;
                let largest = |[r, g, b]: &[u8; 3]| u16::from(*r.max(g).max(b));
                self.row.clear();
                self.row.extend(pixels[columns].iter().map(largest));
            }
            _ => frame.luma_row(y, part, &mut self.row),
        }
        if frame.layout() != Layout::Grey16 {
            for value in &mut self.row {
                *value <<= 8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(layout: Layout, size: (u32, u32), bytes: &[u8], dots: (u16, u16)) -> Vec<u16> {
        let raster = Raster::new(size.0, size.1, layout, bytes).unwrap();
        Peaks::default()
            .find(&raster, Roi::all(size), dots)
            .to_vec()
    }

    #[test]
    fn one_bright_pixel_is_found_in_its_box() {
        let mut bytes = vec![3; 6 * 4];
        bytes[2 * 6 + 4] = 255;
        let got = found(Layout::Grey8, (6, 4), &bytes, (3, 2));
        assert_eq!(got, [0x300, 0x300, 0x300, 0x300, 0x300, 0xff00]);
        // Enlarged, it is where it is.
        let got = found(Layout::Grey8, (2, 1), &[1, 2], (4, 1));
        assert_eq!(got, [0x100, 0x100, 0x200, 0x200]);
    }

    #[test]
    fn every_layout_has_its_peaks() {
        let sixteen = [1, 0, 0xff, 0x0f, 2, 0, 3, 0];
        assert_eq!(found(Layout::Grey16, (2, 2), &sixteen, (1, 1)), [4095]);
        let rgb = [1, 2, 3, 9, 8, 7];
        assert_eq!(found(Layout::Rgb8, (2, 1), &rgb, (1, 1)), [0x900]);
        let yuyv = [16, 128, 235, 128];
        assert_eq!(found(Layout::Yuyv, (2, 1), &yuyv, (1, 1)), [0xff00]);
        let nv12 = [16, 16, 235, 16, 128, 128];
        assert_eq!(found(Layout::Nv12, (2, 2), &nv12, (1, 2)), [0, 0xff00]);
    }

    #[test]
    fn only_the_part_is_looked_at() {
        let bytes = [9, 1, 2, 9, 9, 3, 4, 9];
        let raster = Raster::new(4, 2, Layout::Grey8, &bytes).unwrap();
        let part = Roi {
            x: 1,
            y: 0,
            width: 2,
            height: 2,
        };
        assert_eq!(Peaks::default().find(&raster, part, (2, 1)), [0x300, 0x400]);
    }
}
