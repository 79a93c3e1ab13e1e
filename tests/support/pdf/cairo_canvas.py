"""The few drawing calls of ReportLab's canvas that report_writer makes, done by cairo: subset fonts with glyph numbers, deflated objects."""
import io

import cairo

FAMILIES = {"Helvetica": "Liberation Sans", "Times-Roman": "Liberation Serif", "Courier": "Liberation Mono"}


class Canvas:
    def __init__(self, file, size):
        self.surface = cairo.PDFSurface(file, *size)
        self.context = cairo.Context(self.surface)
        self.size = size
        self.width = 1

    def setFont(self, name, size):
        bold = name.endswith("-Bold")
        family = FAMILIES.get(name[:-5] if bold else name, name)
        self.context.select_font_face("Liberation Serif" if name == "Times-Bold" else family, cairo.FONT_SLANT_NORMAL,
                                      cairo.FONT_WEIGHT_BOLD if bold else cairo.FONT_WEIGHT_NORMAL)
        self.context.set_font_size(size)

    def stringWidth(self, text, name, size):
        self.setFont(name, size)
        return self.context.text_extents(text).x_advance

    def drawString(self, x, y, text):
        self.context.move_to(x, self.size[1] - y)
        self.context.show_text(text)

    def setFillGray(self, grey):
        self.context.set_source_rgb(grey, grey, grey)

    def setLineWidth(self, width):
        self.width = width

    def rect(self, x, y, width, height, stroke=0, fill=1):
        self.context.rectangle(x, self.size[1] - y - height, width, height)
        self.context.fill()

    def line(self, x0, y0, x1, y1):
        self.context.set_line_width(self.width)
        self.context.move_to(x0, self.size[1] - y0)
        self.context.line_to(x1, self.size[1] - y1)
        self.context.stroke()

    def saveState(self):
        self.context.save()

    def restoreState(self):
        self.context.restore()

    def showPage(self):
        self.context.show_page()

    def save(self):
        self.surface.finish()


def make(size):
    """(file, canvas) for report_writer."""
    file = io.BytesIO()
    return file, Canvas(file, size)
