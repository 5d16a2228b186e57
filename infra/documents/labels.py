"""Chinese words for the codes that papers print. A code without one is printed as it is."""

from types import MappingProxyType

LABELS = MappingProxyType(
    {
        # routes and parts in a suit (3.12)
        "LAWSUIT": "诉讼",
        "ARBITRATION": "仲裁",
        "PAYMENT_ORDER": "支付令",
        "NOTARISED_ENFORCEMENT": "公证债权文书执行",
        "SECURITY_REALISATION": "实现担保物权",
        "BANKRUPTCY_CLAIM": "破产债权申报",
        "PLAINTIFF": "原告",
        "DEFENDANT": "被告",
        "THIRD_PARTY": "第三人",
        "CIVIL": "民事",
        "LOAN_CONTRACT": "金融借款合同纠纷",
        "GUARANTEE_CONTRACT": "保证合同纠纷",
        "MORTGAGE_CONTRACT": "抵押合同纠纷",
        "JUDGMENT": "判决",
        "RULING": "裁定",
        # classes and segments (3.2)
        "NORMAL": "正常",
        "SPECIAL_MENTION": "关注",
        "SUBSTANDARD": "次级",
        "DOUBTFUL": "可疑",
        "LOSS": "损失",
        "CORPORATE": "对公",
        "PERSONAL": "个人",
        "CARD": "信用卡",
        # outcomes and votes (3.10, 3.13)
        "PASS": "通过",
        "FAIL": "不通过",
        "PASSED": "通过",
        "REJECTED": "否决",
        "DEFERRED": "暂缓表决",
        "NO_QUORUM": "未达法定人数",
        "ONSITE": "现场会议",
        "REMOTE": "视频会议",
        "WRITTEN": "书面会签",
        "WRITE_OFF": "呆账核销",
        "DEBT_REDUCTION": "债权减免",
        "DEBT_TRANSFER": "债权转让",
        "FORECLOSURE": "以物抵债",
        "BAD_DEBT": "呆账",
        # recovery (7.1), in kind, transfer
        "CASH_VOLUNTARY": "现金清收（主动还款）",
        "CASH_GUARANTOR": "现金清收（保证人代偿）",
        "COLLATERAL_SELF_SALE": "自行处置抵质押物",
        "OUTSOURCED": "委外清收",
        "LITIGATION_ENFORCEMENT": "诉讼执行",
        "POST_WRITE_OFF_CASH": "核销后回收",
        "REDUCTION_CASH": "减免还款",
        "TRANSFER_SINGLE": "单户转让",
        "TRANSFER_BATCH": "批量转让",
        "BANKRUPTCY": "破产",
        "BORROWER": "借款人",
        "GUARANTOR": "保证人",
        "AGREEMENT": "协议抵债",
        "COURT_RULING": "法院裁定抵债",
        "IMMOVABLE": "不动产",
        "MOVABLE": "动产",
        "EQUITY": "股权",
        # buckets of a claim
        "principal": "本金",
        "interest_on": "表内利息",
        "interest_off": "表外利息",
        "penalty": "罚息",
        "compound": "复利",
        "costs": "垫付费用",
        # liability (3.8), expenses (3.20)
        "FULL": "全部责任",
        "MAIN": "主要责任",
        "SECONDARY": "次要责任",
        "EXEMPT": "免责",
        "WARNING": "警告",
        "FINE": "经济处罚",
        "COURT_FEE": "诉讼费",
        "LAWYER_FEE": "律师费",
        "PRESERVATION_FEE": "保全费",
        "APPRAISAL_FEE": "评估费",
        "LitigationCase": "诉讼案件",
        "LITIGATION": "诉讼案件",
        "True": "是",
        "False": "否",
    }
)


def label(code: str) -> str:
    return LABELS.get(code, code)
