//! One original on its way through the steps.

use thumbmill_shared::encoding::{self, Encoding};
use thumbmill_shared::format::{Format, SourceFormat};
use thumbmill_shared::transform::{Colour, Transform};

use super::colour::{self, Profile};
use super::decode::{self, Bounds};
use super::frame::{self, BLACK};
use super::picture::{Picture, Source};
use super::pixels::Pixels;
use super::plan::{Cut, Decoding, Plan, Size, plan};
use super::prepare::Preparation;
use super::probe::{self, Header};
use super::resize::{Chroma, Pyramid};
use super::{Deadline, Limits, RenderError, Rendered, encode, operate, orient, sniff};

/// One original whose header has passed.
pub(super) struct Rendering<'a> {
    original: &'a [u8],
    header: Header,
    profile: Option<Profile>,
    limits: &'a Limits,
    encoding: Encoding,
    deadline: Deadline,
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
}

impl<'a> Rendering<'a> {
    /// Sniff and probe.
    pub(super) fn begin(
        original: &'a [u8],
        limits: &'a Limits,
        encoding: Encoding,
        deadline: Deadline,
    ) -> Result<Self, RenderError> {
        let header = probe::probe(original, sniff::sniff(original)?)?;
        header.check(limits)?;
        let profile = header.profile.as_deref().and_then(Profile::read);
        Ok(Self {
            original,
            header,
            profile,
            limits,
            encoding,
            deadline,
        })
    }

    /// Plan, decode, and the rest for each variant.
    pub(super) fn variants(
        &self,
        transforms: &[Transform],
    ) -> Result<Vec<Result<Rendered, RenderError>>, RenderError> {
        let recipes: Vec<_> = transforms
            .iter()
            .map(|transform| self.recipe(transform))
            .collect();
        let stored = self.header.stored;
        let needed = recipes.iter().flatten();
        let needed = needed.map(|recipe| recipe.decoding(stored));
        let Some(decoding) = needed.reduce(Decoding::and) else {
            // Each says why it cannot be made.
            let errors = recipes.into_iter().filter_map(Result::err);
            return Ok(errors.map(Err).collect());
        };
        self.deadline.check()?;
        let bounds = Bounds {
            limits: self.limits,
            deadline: self.deadline,
        };
        let source = decode::decode(self.original, &self.header, &decoding, bounds)?;
        let mut pyramid = Pyramid::new(source);
        let variants = recipes.into_iter().zip(transforms);
        Ok(variants
            .map(|(recipe, transform)| self.variant(&recipe?, transform, &mut pyramid))
            .collect())
    }

    fn recipe(&self, transform: &Transform) -> Result<Recipe, RenderError> {
        let stored = self.header.stored;
        let operations = transform.operations.as_slice();
        let preparation = Preparation::of(operations, self.header.orientation);
        let turned = stored.turned(preparation.turn);
        let planned = if preparation.needs_pixels() {
            preparation.check(turned, self.limits)?;
            None
        } else {
            let plan = plan(preparation.kept(turned)?, transform, self.limits)?;
            let cut = Cut::of(&plan, preparation.turn, stored);
            Some((plan, cut))
        };
        Ok(Recipe {
            preparation,
            planned,
        })
    }

    fn variant(
        &self,
        recipe: &Recipe,
        transform: &Transform,
        pyramid: &mut Pyramid,
    ) -> Result<Rendered, RenderError> {
        self.deadline.check()?;
        let turn = recipe.preparation.turn;
        let Some((plan, cut)) = &recipe.planned else {
            return self.of_all_pixels(&recipe.preparation, transform, pyramid);
        };
        if !self.stays_in_planes(plan, transform) {
            let picture = orient::orient(pyramid.cut(cut, Chroma::Full)?, turn);
            let pixels = colour::to_srgb(picture, self.profile.as_ref());
            return self.finished(pixels, plan, transform);
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
                self.finished(pixels, plan, transform)
            }
        }
    }

    /// A variant whose plan depends on pixels.
    fn of_all_pixels(
        &self,
        preparation: &Preparation,
        transform: &Transform,
        pyramid: &Pyramid,
    ) -> Result<Rendered, RenderError> {
        let picture = orient::orient(pyramid.all()?.clone(), preparation.turn);
        let pixels = colour::to_srgb(picture, self.profile.as_ref());
        self.deadline.check()?;
        let (pixels, kept) = preparation.prepare(pixels)?;
        self.deadline.check()?;
        let plan = plan(kept, transform, self.limits)?;
        let cut = Cut {
            area: plan.area,
            size: plan.size,
        };
        let cut = Pyramid::new(Source::of(pixels)).cut(&cut, Chroma::Full)?;
        self.finished(colour::to_srgb(cut, None), &plan, transform)
    }

    /// Frame, operate, encode.
    fn finished(
        &self,
        pixels: Pixels,
        plan: &Plan,
        transform: &Transform,
    ) -> Result<Rendered, RenderError> {
        self.deadline.check()?;
        let background = transform.background.map(Colour::rgba);
        let pixels = frame::letterbox(pixels, plan, background.unwrap_or(BLACK));
        let pixels = match transform.background {
            Some(colour) if colour.is_opaque() => frame::flatten(pixels, colour.rgba()),
            Some(_) | None => pixels,
        };
        let operations = transform.operations.as_slice();
        let pixels = operate::operate(pixels, operations, self.deadline)?;
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

fn rendered(bytes: Vec<u8>, size: Size) -> Rendered {
    Rendered {
        bytes,
        width_px: size.width,
        height_px: size.height,
    }
}
