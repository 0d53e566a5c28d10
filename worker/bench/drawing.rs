//! Draws the originals: photo-like, the same on every machine. Knows no format.
//!
//! Photographs are much like *dead leaves*: things of all sizes that cover one another (Lee,
//! Mumford and Huang, "Occlusion models for natural images", 2001). So these are discs whose radii
//! follow a power law, each with a shade that changes across it and a roughness of its own, the
//! smaller the more like what they cover; over them lies texture of several sizes. Only integers and exact floating-point operations are used.

use std::f32::consts::PI;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawing {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// With a soft shape cut out of it?
    pub(crate) cut_out: bool,
    /// Radius in pixels of the smallest leaf: fewer make smaller files.
    pub(crate) smallest: f32,
    /// Strength of the texture, in shades: more makes larger files.
    pub(crate) texture: f32,
}

/// Red, green, blue and roughness.
type Paint = [f32; 4];

/// The sum of the leaves' areas, in pictures: so that hardly anything stays bare.
const COVERED: f32 = 5.0;
/// Distances in pixels between the points of the texture's layers; the finest, which is a sensor's
/// noise, is the strongest, so that thumbnails are less grainy than their originals.
const LAYERS: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// RGB, or RGBA with a cut-out, 8 bits each, from top to bottom.
pub(crate) fn draw(drawing: &Drawing) -> Vec<u8> {
    let mut canvas = vec![[128.0, 128.0, 128.0, 0.5]; drawing.width * drawing.height];
    leaves(drawing, &mut canvas);
    let mut samples = Vec::with_capacity(canvas.len() * 4);
    for (y, row) in canvas.chunks_exact(drawing.width).enumerate() {
        let texture = texture(drawing.width, y);
        for (x, (paint, texture)) in row.iter().zip(texture).enumerate() {
            let [red, green, blue, roughness] = *paint;
            let texture = texture * roughness * drawing.texture;
            samples.extend([red, green, blue].map(|shade| byte(shade + texture)));
            if drawing.cut_out {
                samples.push(byte(255.0 * opacity(drawing, x, y)));
            }
        }
    }
    samples
}

fn leaves(drawing: &Drawing, canvas: &mut [Paint]) {
    let (width, height) = (drawing.width as f32, drawing.height as f32);
    let smallest = drawing.smallest;
    let largest = height / 3.0;
    let mut random = Random(7);
    let mut bare = COVERED * width * height;
    while bare > 0.0 {
        // Inverse of the distribution function for a density of radius^-3.
        let most = 1.0 - (smallest / largest) * (smallest / largest);
        let radius = smallest / (1.0 - random.unit() * most).sqrt();
        bare -= PI * radius * radius;
        let centre = (random.unit() * width, random.unit() * height);
        let light = 20.0 + 200.0 * random.unit();
        let (warm, green) = (random.between(30.0), random.between(12.0));
        let paint = [light + warm, light + green, light - warm, random.unit()];
        let contrast = (radius / largest).sqrt().max(0.1);
        let steep = 40.0 * contrast / radius;
        let slope = (random.between(steep), random.between(steep));
        let leaf = Leaf {
            centre,
            radius,
            paint,
            slope,
            contrast,
            edge_px: 1.0 + radius * 0.1 * random.unit() * random.unit(),
        };
        leaf.lay(drawing, canvas);
    }
}

struct Leaf {
    centre: (f32, f32),
    radius: f32,
    paint: Paint,
    /// Shades a pixel, across and down.
    slope: (f32, f32),
    /// How unlike what it covers, up to 1.
    contrast: f32,
    /// Sharp, or out of focus.
    edge_px: f32,
}

impl Leaf {
    /// Lays it over what is there.
    fn lay(&self, drawing: &Drawing, canvas: &mut [Paint]) {
        let reach = self.radius + self.edge_px;
        let middle = |centre: f32, end: usize| (centre as usize).min(end - 1);
        let under = canvas[middle(self.centre.1, drawing.height) * drawing.width
            + middle(self.centre.0, drawing.width)];
        let span = |centre: f32, end: usize| {
            let first = (centre - reach).max(0.0) as usize;
            first..((centre + reach) as usize + 1).min(end)
        };
        let mut mixed = self.paint;
        for (own, under) in mixed.iter_mut().zip(under) {
            *own = under + (*own - under) * self.contrast;
        }
        let [red, green, blue, roughness] = mixed;
        let columns = span(self.centre.0, drawing.width);
        for y in span(self.centre.1, drawing.height) {
            let row = y * drawing.width;
            let down = y as f32 - self.centre.1;
            for x in columns.clone() {
                let across = x as f32 - self.centre.0;
                let distance = (across * across + down * down).sqrt();
                let cover = ((self.radius - distance) / self.edge_px + 0.5).clamp(0.0, 1.0);
                let shade = across * self.slope.0 + down * self.slope.1;
                let leaf = [red + shade, green + shade, blue + shade, roughness];
                for (under, over) in canvas[row + x].iter_mut().zip(leaf) {
                    *under += (over - *under) * cover;
                }
            }
        }
    }
}

/// A row of noise of all layers, about -1 to 1.
fn texture(width: usize, y: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for layer in LAYERS {
        let (cell, down) = (y / layer, smooth(y % layer, layer));
        let points: Vec<f32> = (0..width / layer + 2)
            .map(|point| {
                let (above, below) = (noise(point, cell, layer), noise(point, cell + 1, layer));
                above + (below - above) * down
            })
            .collect();
        let strength = 0.8 - layer as f32 / 64.0;
        for (x, sum) in sum.iter_mut().enumerate() {
            let (left, right) = (points[x / layer], points[x / layer + 1]);
            *sum += (left + (right - left) * smooth(x % layer, layer)) * strength;
        }
    }
    sum
}

/// How far it is from one point to the next, 0 to 1, without a kink at either.
fn smooth(step: usize, of: usize) -> f32 {
    let part = step as f32 / of as f32;
    part * part * (3.0 - 2.0 * part)
}

/// How opaque the cut-out is: an ellipse that fades over a quarter of its radius.
fn opacity(drawing: &Drawing, x: usize, y: usize) -> f32 {
    let of = |at: usize, side: usize| (at as f32 / side as f32 - 0.5) / 0.48;
    let (across, down) = (of(x, drawing.width), of(y, drawing.height));
    let distance = (across * across + down * down).sqrt();
    let part = ((1.0 - distance) * 4.0).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

fn byte(shade: f32) -> u8 {
    (shade.clamp(0.0, 255.0) + 0.5) as u8
}

/// -1 to 1, the same for the same point.
fn noise(x: usize, y: usize, layer: usize) -> f32 {
    let place = ((x as u64) << 40) ^ ((y as u64) << 16) ^ layer as u64;
    Random(place).between(1.0)
}

/// Splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// -`most` to `most`.
    fn between(&mut self, most: f32) -> f32 {
        (self.unit() * 2.0 - 1.0) * most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Drawing = Drawing {
        width: 90,
        height: 60,
        cut_out: true,
        smallest: 2.0,
        texture: 20.0,
    };

    #[test]
    fn a_drawing_is_the_same_every_time() {
        assert_eq!(draw(&SMALL), draw(&SMALL));
    }

    #[test]
    fn a_cut_out_is_opaque_in_the_middle_and_clear_in_the_corners() {
        let samples = draw(&SMALL);
        let alpha = |x: usize, y: usize| samples[(y * SMALL.width + x) * 4 + 3];
        assert_eq!((alpha(45, 30), alpha(0, 0), alpha(89, 59)), (255, 0, 0));
        assert!((1..255).contains(&alpha(6, 30)));
    }
}
