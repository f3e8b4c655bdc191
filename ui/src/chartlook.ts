// How the chart is dressed: the theme's colours, Korean time on its axes, the attribution that its licence asks for.
import { ColorType, CrosshairMode, type DeepPartial, type TimeChartOptions } from "lightweight-charts";
import type { Size } from "./api";
import { clockText, dayText, ZONE_NAME, ZONE_OFFSET_SECONDS } from "./format";
import { lang } from "./i18n";
import type { Palette } from "./palette";

export const FONT = '"Pretendard", "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "Noto Sans CJK KR", system-ui, sans-serif';

export function chartOptions(palette: Palette, size: Size): DeepPartial<TimeChartOptions> {
  const tick = (time: unknown): string => clockText((Number(time) - ZONE_OFFSET_SECONDS) * 1000);
  return {
    layout: {
      background: { type: ColorType.Solid, color: palette.panel },
      textColor: palette.text,
      fontFamily: FONT,
      attributionLogo: true,
      panes: { separatorColor: palette.border, separatorHoverColor: palette.grid },
    },
    grid: { vertLines: { color: palette.grid }, horzLines: { color: palette.grid } },
    crosshair: { mode: CrosshairMode.Normal },
    rightPriceScale: { borderColor: palette.border, scaleMargins: { top: 0.17, bottom: 0.06 } },
    timeScale: {
      borderColor: palette.border,
      timeVisible: true,
      secondsVisible: size === "1s" || size === "10s",
      // The view follows by `keepView`: the library counts from the last candle, and a hole has none.
      shiftVisibleRangeOnNewBar: false,
    },
    localization: {
      locale: lang(),
      timeFormatter: (time: unknown) =>
        `${dayText((Number(time) - ZONE_OFFSET_SECONDS) * 1000)} ${tick(time)} ${ZONE_NAME}`,
    },
  };
}
