//! One original on its way through the steps: up to the plan, and from the decode on.

use thumbmill_shared::encoding::{self, Encoding};
use thumbmill_shared::format::{Format, SourceFormat};
use thumbmill_shared::transform::{Colour, Transform};

use super::colour::{self, Profile};
use super::decode::{self, Bounds};
use super::error::{gave_up, guarded};
use super::frame::{self, BLACK};
use super::picture::{Picture, Source};
use super::pixels::Pixels;
use super::plan::{Cut, Decoding, Plan, Size, bound, final_size, plan};
use super::prepare::Preparation;
use super::probe::{self, Header};
use super::resize::{Chroma, Pyramid};
use super::{Deadline, Limits, RenderError, Rendered, encode, memory, operate, orient, sniff};

/// An original whose header has passed, and what is planned of it; no pixel yet.
pub struct Rendering<'a> {
    original: &'a [u8],
    transforms: &'a [Transform],
    limits: &'a Limits,
    encoding: Encoding,
    header: Header,
    profile: Option<Profile>,
    recipes: Vec<Result<Recipe, RenderError>>,
}

/// An original that is decoded, from which its variants are made one after the other.
pub struct Decoded<'r> {
    rendering: &'r Rendering<'r>,
    pyramid: Option<Pyramid>,
}

impl Decoded<'_> {
    /// Makes the variant of the transform with this index.
    pub fn variant(&mut self, index: usize, deadline: Deadline) -> Result<Rendered, RenderError> {
        let rendering = self.rendering;
        let (recipes, transforms) = (&rendering.recipes, rendering.transforms);
        let (Some(recipe), Some(transform)) = (recipes.get(index), transforms.get(index)) else {
            return Err(RenderError::Unsupported(
                "there is no such variant".to_owned(),
            ));
        };
        let recipe = recipe.as_ref().map_err(RenderError::clone)?;
        // After a panic it would be left half changed, so it does not come back then.
        let pyramid = self.pyramid.take();
        guarded(|| {
            let mut pyramid = pyramid.ok_or_else(gave_up)?;
            let variant = rendering.variant(recipe, transform, &mut pyramid, deadline);
            self.pyramid = Some(pyramid);
            variant
        })
    }
}

/// What becomes of the original in one variant.
struct Recipe {
    preparation: Preparation,
    /// `None`: it depends on pixels.
    planned: Option<(Plan, Cut)>,
}

impl Recipe {
    fn decoding(&self, stored: Size) -> Decoding {
        match &self.planned {
            Some((_, cut)) => Decoding::of(cut, stored),
            None => Decoding::all(stored),
        }
    }

    /// About how much memory making it takes, from the decode on.
    fn needed_bytes(&self, stored: Size, transform: &Transform, limits: &Limits) -> u64 {
        if let Some((plan, _)) = &self.planned {
            return memory::of_variant(final_size(plan, transform), transform);
        }
        let turned = stored.turned(self.preparation.turn);
        let prepared = self.preparation.tilted(turned);
        let variant = memory::of_variant(bound(prepared, transform, limits), transform);
        memory::of_preparation(stored, prepared) + variant
    }
}

impl<'a> Rendering<'a> {
    /// Sniff, probe, prepare and plan. Errors: the original cannot be rendered at all.
    pub fn begin(
        original: &'a [u8],
        transforms: &'a [Transform],
        limits: &'a Limits,
        encoding: Encoding,
    ) -> Result<Self, RenderError> {
        guarded(|| {
            let header = probe::probe(original, sniff::sniff(original)?)?;
            header.check(limits)?;
            let profile = header.profile.as_deref().and_then(Profile::read);
            let recipes = transforms
                .iter()
                .map(|transform| recipe(&header, transform, limits));
            Ok(Self {
                original,
                transforms,
                limits,
                encoding,
                recipes: recipes.collect(),
                profile,
                header,
            })
        })
    }

    /// About how much memory the rest takes, besides the original: an estimate, not a bound.
    pub fn needed_bytes(&self) -> u64 {
        let variants = self.recipes.iter().zip(self.transforms);
        let variants = variants.filter_map(|(recipe, transform)| {
            let recipe = recipe.as_ref().ok()?;
            Some(recipe.needed_bytes(self.header.stored, transform, self.limits))
        });
        // One is made after the other; all files are kept, which are a part of that.
        let (largest, all) = variants.fold((0, 0), |(largest, all): (u64, u64), bytes| {
            (
                largest.max(bytes),
                all.saturating_add(bytes / memory::FILE_PART),
            )
        });
        let decoding = self.decoding();
        let decode = decoding.map_or(0, |decoding| memory::of_decode(&self.header, &decoding));
        decode.saturating_add(largest).saturating_add(all)
    }

    /// Decode, and the rest for each variant, in the order of the transforms.
    ///
    /// The outer error concerns the original and so every variant, an inner one that variant alone.
    pub fn finish(
        &self,
        deadline: Deadline,
    ) -> Result<Vec<Result<Rendered, RenderError>>, RenderError> {
        let mut decoded = self.decode(deadline)?;
        let variants = 0..self.transforms.len();
        Ok(variants
            .map(|index| decoded.variant(index, deadline))
            .collect())
    }

    /// Decode, which serves all variants. Errors: the original cannot be decoded.
    pub fn decode(&self, deadline: Deadline) -> Result<Decoded<'_>, RenderError> {
        guarded(|| {
            let bounds = Bounds {
                limits: self.limits,
                deadline,
            };
            let pyramid = match self.decoding() {
                // Each variant says why it cannot be made.
                None => None,
                Some(decoding) => {
                    deadline.check()?;
                    let source = decode::decode(self.original, &self.header, &decoding, bounds)?;
                    Some(Pyramid::new(source))
                }
            };
            Ok(Decoded {
                rendering: self,
                pyramid,
            })
        })
    }

    /// What serves all variants; none if none can be made.
    fn decoding(&self) -> Option<Decoding> {
        let stored = self.header.stored;
        let needed = self.recipes.iter().flatten();
        let needed = needed.map(|recipe| recipe.decoding(stored));
        needed.reduce(Decoding::and)
    }

    fn variant(
        &self,
        recipe: &Recipe,
        transform: &Transform,
        pyramid: &mut Pyramid,
        deadline: Deadline,
    ) -> Result<Rendered, RenderError> {
        deadline.check()?;
        let turn = recipe.preparation.turn;
        let Some((plan, cut)) = &recipe.planned else {
            return self.of_all_pixels(&recipe.preparation, transform, pyramid, deadline);
        };
        if !self.stays_in_planes(plan, transform) {
            let picture = orient::orient(pyramid.cut(cut, Chroma::Full)?, turn);
            let pixels = colour::to_srgb(picture, self.profile.as_ref());
            return self.finished(pixels, plan, transform, deadline);
        }
        let chroma = match self.encoding.jpeg_chroma {
            encoding::Chroma::Quarter => orient::quarter(turn),
            encoding::Chroma::Full => Chroma::Full,
        };
        match orient::orient(pyramid.cut(cut, chroma)?, turn) {
            Picture::Planes(planes) => {
                let bytes = encode::planes(&planes, transform, self.encoding)?;
                Ok(rendered(bytes, planes.luma.size()))
            }
            // A gray one has no planes.
            Picture::Pixels(pixels) => {
                let pixels = colour::to_srgb(Picture::Pixels(pixels), None);
                self.finished(pixels, plan, transform, deadline)
            }
        }
    }

    /// A variant whose plan depends on pixels.
    fn of_all_pixels(
        &self,
        preparation: &Preparation,
        transform: &Transform,
        pyramid: &Pyramid,
        deadline: Deadline,
    ) -> Result<Rendered, RenderError> {
        let picture = orient::orient(pyramid.all()?.clone(), preparation.turn);
        let pixels = colour::to_srgb(picture, self.profile.as_ref());
        deadline.check()?;
        let (pixels, kept) = preparation.prepare(pixels)?;
        deadline.check()?;
        let plan = plan(kept, transform, self.limits)?;
        let cut = Cut {
            area: plan.area,
            size: plan.size,
        };
        let cut = Pyramid::new(Source::of(pixels)).cut(&cut, Chroma::Full)?;
        self.finished(colour::to_srgb(cut, None), &plan, transform, deadline)
    }

    /// Frame, operate, encode.
    fn finished(
        &self,
        pixels: Pixels,
        plan: &Plan,
        transform: &Transform,
        deadline: Deadline,
    ) -> Result<Rendered, RenderError> {
        deadline.check()?;
        let background = transform.background.map(Colour::rgba);
        let pixels = frame::letterbox(pixels, plan, background.unwrap_or(BLACK));
        let pixels = match transform.background {
            Some(colour) if colour.is_opaque() => frame::flatten(pixels, colour.rgba()),
            Some(_) | None => pixels,
        };
        let operations = transform.operations.as_slice();
        let pixels = operate::operate(pixels, operations, deadline)?;
        let size = pixels.size();
        let bytes = encode::encode(pixels, transform, self.encoding)?;
        Ok(rendered(bytes, size))
    }

    /// Can a picture go from the JPEG decoder to the JPEG encoder without becoming RGB?
    fn stays_in_planes(&self, plan: &Plan, transform: &Transform) -> bool {
        self.header.format == SourceFormat::Jpeg
            && transform.format == Format::Jpeg
            && self.profile.is_none()
            && plan.canvas.is_none()
            && !operate::changes(transform.operations.as_slice())
    }
}

fn recipe(header: &Header, transform: &Transform, limits: &Limits) -> Result<Recipe, RenderError> {
    let stored = header.stored;
    let operations = transform.operations.as_slice();
    let preparation = Preparation::of(operations, header.orientation);
    let turned = stored.turned(preparation.turn);
    let planned = if preparation.needs_pixels() {
        preparation.check(turned, limits)?;
        None
    } else {
        let plan = plan(preparation.kept(turned)?, transform, limits)?;
        let cut = Cut::of(&plan, preparation.turn, stored);
        Some((plan, cut))
    };
    Ok(Recipe {
        preparation,
        planned,
    })
}

fn rendered(bytes: Vec<u8>, size: Size) -> Rendered {
    Rendered {
        bytes,
        width_px: size.width,
        height_px: size.height,
    }
}
