"""Words of which the names of issues are made: none of them is a company's whole name."""

from __future__ import annotations

from typing import Final

_HEADS: Final = """
가온 나래 다온 라온 마루 바론 사나 아람 자원 차원 하늘 한빛 한결 대한 대양 동방 동서 서광 서린 세명
세화 신원 신영 영진 우성 유니온 이화 인성 일진 정도 제일 조양 중앙 진양 창대 청구 코리아 태평 태웅
퍼스트 평화 풍산 현성 형제 화성 효성 누리 도담 미르 백산 보람 새론 솔빛 알파 에이스 오성 지오 케이
티엔 팬스타 휴먼
"""
_TAILS: Final = """
전자 화학 바이오 제약 건설 반도체 소재 정밀 테크 시스템 엔지니어링 에너지 홀딩스 산업 철강 물산
식품 통신 미디어 로보틱스 모빌리티 중공업 해운 금속 유화 섬유 제지 의료기 게임즈 소프트 네트웍스
디스플레이 이엔지 인프라 헬스케어 머티리얼즈 캐피탈 증권 보험 리테일 옵틱스 파워 케미칼 진단 셀
"""
_FUND_TAILS: Final = """
200 코스닥150 반도체TOP10 2차전지 바이오 배당성장 고배당 은행 자동차 방산 조선 미국S&P500
미국나스닥100 일본 국채10년 단기채 금선물 원유선물 레버리지 인버스 200선물인버스2X 리츠
AI소프트웨어 로봇 우주항공 밸류업 중국전기차 인도 미국테크 머니마켓
"""

HEADS: Final = tuple(_HEADS.split())
TAILS: Final = tuple(_TAILS.split())
FUND_HEADS: Final = ("가온", "누리", "미르", "한결", "솔빛", "라온", "도담")
FUND_TAILS: Final = tuple(_FUND_TAILS.split())
