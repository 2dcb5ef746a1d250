//! The description in an OME-TIFF file.
//!
//! Source: the OME data model, schema 2016-06 (`ome.xsd`), whose order of elements is kept. The
//! text is ASCII, because the TIFF tag that holds it is; everything else stands in it as a
//! character reference.

use std::fmt::Write as _;

use super::details::{camera, details, moment, pixel_size_um, taken_ns};
use super::{About, SOFTWARE};
use crate::imaging::{Layout, Raster};
use crate::model::{Axis, Frame, Motion, Unit};

const SCHEMA: &str = "http://www.openmicroscopy.org/Schemas/OME/2016-06";
const NAMESPACE: &str = "ttyscope/frame";

/// The description of a file that holds this one frame.
pub(super) fn describe(raster: &Raster<'_>, frame: &Frame, about: &About) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    let (source, detector) = (escaped(&about.source.name), escaped(&frame.detector));
    // Writing to a `String` cannot fail.
    let _ = write!(
        xml,
        "<OME xmlns=\"{SCHEMA}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"{SCHEMA} {SCHEMA}/ome.xsd\" Creator=\"{SOFTWARE}\">\
         <Instrument ID=\"Instrument:0\"><Microscope Model=\"{source}\"/>\
         <Detector ID=\"Detector:0\" Model=\"{detector}\"/></Instrument>\
         <Image ID=\"Image:0\" Name=\"{source} {detector}\">"
    );
    let taken = moment(taken_ns(frame, about), "%Y-%m-%dT%H:%M:%S%.3fZ");
    if !taken.is_empty() {
        let _ = write!(xml, "<AcquisitionDate>{taken}</AcquisitionDate>");
    }
    xml.push_str("<InstrumentRef ID=\"Instrument:0\"/>");
    pixels(&mut xml, raster, frame, about);
    let _ = write!(
        xml,
        "<AnnotationRef ID=\"Annotation:0\"/></Image><StructuredAnnotations>\
         <MapAnnotation ID=\"Annotation:0\" Namespace=\"{NAMESPACE}\"><Value>"
    );
    for (name, text) in details(frame, about) {
        let (name, text) = (escaped(&name), escaped(&text));
        let _ = write!(xml, "<M K=\"{name}\">{text}</M>");
    }
    xml.push_str("</Value></MapAnnotation></StructuredAnnotations></OME>");
    xml
}

fn pixels(xml: &mut String, raster: &Raster<'_>, frame: &Frame, about: &About) {
    let (width_px, height_px) = raster.size();
    let channels = if raster.layout().is_color() { 3 } else { 1 };
    let (kind, bits) = match raster.layout() {
        Layout::Grey16 => ("uint16", 16),
        Layout::Grey8 | Layout::Rgb8 | Layout::Yuyv | Layout::Nv12 => ("uint8", 8),
    };
    let _ = write!(
        xml,
        "<Pixels ID=\"Pixels:0\" DimensionOrder=\"XYCZT\" Type=\"{kind}\" SizeX=\"{width_px}\" \
         SizeY=\"{height_px}\" SizeZ=\"1\" SizeC=\"{channels}\" SizeT=\"1\""
    );
    if let Some(significant) = frame.bit_depth.filter(|depth| (1..=bits).contains(depth)) {
        let _ = write!(xml, " SignificantBits=\"{significant}\"");
    }
    if let Some(um) = pixel_size_um(frame) {
        for side in ["X", "Y"] {
            let _ = write!(
                xml,
                " PhysicalSize{side}=\"{um}\" PhysicalSize{side}Unit=\"{}\"",
                escaped("µm")
            );
        }
    }
    let settings = camera(frame, about);
    let _ = write!(
        xml,
        "><Channel ID=\"Channel:0:0\" SamplesPerPixel=\"{channels}\"><DetectorSettings ID=\"Detector:0\""
    );
    if let Some(gain) = settings.and_then(|camera| camera.gain) {
        let _ = write!(xml, " Gain=\"{gain}\"");
    }
    xml.push_str(
        "/></Channel><TiffData IFD=\"0\" PlaneCount=\"1\"/><Plane TheZ=\"0\" TheT=\"0\" TheC=\"0\"",
    );
    if let Some(passed) = about.since_first {
        let _ = write!(xml, " DeltaT=\"{}\" DeltaTUnit=\"s\"", passed.as_secs_f64());
    }
    if let Some(ms) = settings.and_then(|camera| camera.exposure_ms) {
        let _ = write!(xml, " ExposureTime=\"{ms}\" ExposureTimeUnit=\"ms\"");
    }
    let axes = about.instrument.iter().flat_map(|known| &known.axes);
    for (axis, position, unit) in axes.filter_map(stage_position) {
        let unit = escaped(unit);
        let _ = write!(
            xml,
            " Position{axis}=\"{position}\" Position{axis}Unit=\"{unit}\""
        );
    }
    xml.push_str("/></Pixels>");
}

/// The axis as the schema calls it, and where it proved to stand, in the schema's unit. It has
/// three; the others are among the annotations.
fn stage_position(axis: &Axis) -> Option<(&'static str, f64, &'static str)> {
    let name = match axis.name.as_str() {
        "x" | "X" => "X",
        "y" | "Y" => "Y",
        "z" | "Z" => "Z",
        _ => return None,
    };
    let unit = match axis.unit {
        Unit::Millimetre => "mm",
        Unit::Micrometre => "µm",
        Unit::Nanometre => "nm",
        _ => return None,
    };
    let position = axis.position.filter(|_| axis.motion != Motion::Unknown)?;
    Some((name, position, unit))
}

/// As it may stand in an element or an attribute, in ASCII.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            ' '..='~' => escaped.push(c),
            // Source: XML 1.0, production 2: these are no characters there, escaped or not.
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push_str("&#65533;"),
            _ => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_element() {
        let cases = [
            ("plain 1.5 mm", "plain 1.5 mm"),
            ("</M>&\"", "&lt;/M&gt;&amp;&quot;"),
            ("µm 显", "&#181;m &#26174;"),
            ("\u{0}\u{ffff}", "&#65533;&#65533;"),
        ];
        for (text, want) in cases {
            assert_eq!(escaped(text), want);
        }
    }
}
